"""`.debug_loclists`: where variables are, and from where to where (DWARF 5, 2.6.2)."""

from __future__ import annotations

from functools import lru_cache

from pykasm.objects import dwarf
from pykasm.objects.debug import DebugFunction, InRegister, Place, Variable
from pykasm.objects.dwarf import REGISTER_NUMBERS, LocationEntry, Operation
from pykasm.objects.leb128 import signed, unsigned
from pykasm.objects.model import Section
from pykasm.objects.writer import SectionWriter

_SHORT_REGISTERS = 32  # how many have a DW_OP_reg of their own


@lru_cache(4096)
def _expression(place: Place) -> bytes:
    """The counted location description of `place` (DWARF 5, 2.6.1)."""
    if isinstance(place, InRegister):
        number = REGISTER_NUMBERS[place.register]
        if number < _SHORT_REGISTERS:
            code = bytes((Operation.REG0 + number,))
        else:
            code = bytes((Operation.REGX,)) + unsigned(number)
    else:
        code = bytes((Operation.BREG0 + REGISTER_NUMBERS["rbp"],)) + signed(place.offset)
    return unsigned(len(code)) + code


class LocationLists:
    """The location lists of a unit whose base address is the start of section `base`."""

    def __init__(self, base: str) -> None:
        self._base = base
        self._out = SectionWriter(".debug_loclists")
        self._out.number(0, 4)  # the length, set by `sections`
        self._out.number(dwarf.VERSION, 2)
        self._out.number(dwarf.ADDRESS_SIZE, 1)
        self._out.number(0, 1)  # no segment selectors
        self._out.number(0, 4)  # no table of offsets
        self._header_size = len(self._out.data)

    def add(self, function: DebugFunction, places: list[Variable]) -> int:
        """The offset of a new list: the `places` of one variable of `function`."""
        data = self._out.data
        start = len(data)
        if function.section != self._base:
            data.append(LocationEntry.BASE_ADDRESS)
            self._out.address(function.section)
        code = function.offset
        for place in places:
            data.append(LocationEntry.OFFSET_PAIR)
            data += unsigned(code + place.start) + unsigned(code + place.end)
            data += _expression(place.place)
        data.append(LocationEntry.END_OF_LIST)
        return start

    def sections(self) -> list[Section]:
        """`.debug_loclists` with all lists added so far, if there are any."""
        data = self._out.data
        data[:4] = (len(data) - 4).to_bytes(4, "little")
        return [self._out.section] if len(data) > self._header_size else []
