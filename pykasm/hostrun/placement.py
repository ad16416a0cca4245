"""Objects put into memory: sections at their addresses, symbols, relocations."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from pykasm.hostrun.faults import HostError
from pykasm.hostrun.memory import PAGE, Memory, Region
from pykasm.hostrun.misread import misread_fields
from pykasm.lang.objects import AssembledUnit
from pykasm.link.layout import Layout, OutputSection, Permissions
from pykasm.objects.model import Relocation, RelocationKind, Section, SectionFlags

PLACES = {
    RelocationKind.R_X86_64_64: (8, False, None),
    RelocationKind.R_X86_64_PC32: (4, True, True),
    RelocationKind.R_X86_64_PLT32: (4, True, True),
    RelocationKind.R_X86_64_32: (4, False, False),
    RelocationKind.R_X86_64_32S: (4, False, True),
    RelocationKind.R_X86_64_16: (2, False, False),
    RelocationKind.R_X86_64_PC16: (2, True, True),
}
"""Bytes of the field, whether it counts from itself, and whether it is signed (None: any)."""


class Symbol(NamedTuple):
    """A name for `size` bytes at `address`, as linked."""

    address: int
    size: int
    name: str


class Use(NamedTuple):
    """A relocation and the place of its field: in `region`, at `offset`.

    `forgotten` are the bytes behind the field that the emulator does not count.
    """

    region: Region
    offset: int
    relocation: Relocation
    forgotten: int = 0


class Placement:
    """What `units` come to in `memory`; `answer` gives an address for a symbol that none has."""

    def __init__(
        self,
        units: Iterable[AssembledUnit],
        layout: Layout,
        memory: Memory,
        answer: Callable[[str], int],
    ) -> None:
        self.symbols: dict[str, int] = {}
        self.starts: dict[str, tuple[Region, int]] = {}
        """Of each input section: its region, and its offset in it."""
        self.regions: dict[str, Region] = {}
        self.uses: list[Use] = []
        self._answer = answer
        self._units = list(units)
        self._misread = misread_fields(self._units)
        self._base = layout.virtual_base
        self._end = layout.load_address
        self._name_bound("start")
        for output, inputs in self._outputs(layout):
            self._place(output, inputs, memory)
        self._name_bound("end")
        self._name_symbols()
        for use in self.uses:
            self._relocate(use)
        for (section, offset), forgotten in self._misread.items():
            self._move(section, offset, forgotten)

    def _move(self, section: str, offset: int, distance: int) -> None:
        """Add `distance` to a displacement that no symbol goes into."""
        region, start = self.starts[section]
        place = slice(start + offset, start + offset + 4)
        value = int.from_bytes(region.bytes[place], "little", signed=True) + distance
        region.bytes[place] = value.to_bytes(4, "little", signed=True)

    def _outputs(self, layout: Layout) -> Iterator[tuple[OutputSection, list[Section]]]:
        """The output sections with what goes into each."""
        waiting = [
            section
            for unit in self._units
            for section in unit.object.sections
            if section.flags & SectionFlags.ALLOC
        ]
        for output in layout.sections:
            taken = [one for one in waiting if output.takes(one.name)]
            waiting = [one for one in waiting if not output.takes(one.name)]
            yield output, taken
        for section in waiting:
            yield OutputSection(section.name, _permissions(section)), [section]

    def _place(self, output: OutputSection, inputs: list[Section], memory: Memory) -> None:
        offsets = []
        size = 0
        for section in inputs:
            size += -size % section.align
            offsets.append(size)
            size += section.size
        size += self.symbols[output.reserve] if output.reserve else 0
        start = self._end
        address = start + (0 if output.physical else self._base)
        if inputs or size:
            linked = output.place if isinstance(output.place, int) else address
            region = memory.map(output.name, address, size, output.permissions, linked)
            self._fill(region, inputs, offsets)
            self._end += region.mapped + PAGE  # a gap, so that overruns fault
        self.symbols[f"{output.symbol}_start"] = address
        self.symbols[f"{output.symbol}_end"] = address + size
        if not output.physical:
            self.symbols[f"{output.symbol}_load"] = start
        if output.fixed:
            self.symbols[f"{output.symbol}_size"] = size

    def _fill(self, region: Region, inputs: list[Section], offsets: list[int]) -> None:
        self.regions[region.name] = region
        for section, offset in zip(inputs, offsets, strict=True):
            if section.zeros is None:
                region.bytes[offset : offset + section.size] = bytes(section.data)
            self.starts[section.name] = region, offset
            self.symbols[section.name] = region.linked + offset
            self.uses += [
                Use(
                    region,
                    offset + one.offset,
                    one,
                    self._misread.pop((section.name, one.offset), 0),
                )
                for one in section.relocations
            ]

    def _name_bound(self, bound: str) -> None:
        """Define the image's start or end, where the next section would be."""
        self.symbols[f"image_load_{bound}"] = self._end
        self.symbols[f"image_{bound}"] = self._end + self._base

    def _name_symbols(self) -> None:
        found = []
        for unit in self._units:
            for one in unit.object.symbols:
                if one.section is not None:
                    region, offset = self.starts[one.section]
                    if one.name in self.symbols:
                        raise HostError(f"two subsystems define `{one.name}`")
                    self.symbols[one.name] = region.linked + offset + one.offset
                    place = region.address + offset + one.offset
                    found.append(Symbol(place, one.size, one.name))
        self._sorted = sorted(found)

    def resolve(self, name: str) -> int:
        """The address of the symbol `name`, as linked."""
        if name not in self.symbols:
            self.symbols[name] = self._answer(name)
        return self.symbols[name]

    def define(self, name: str, address: int) -> None:
        """Define `name` as `address` in place of a symbol of the linker's or a missing one."""
        if any(one.name == name for one in self._sorted):
            raise HostError(f"a loaded subsystem defines `{name}`")
        self.symbols[name] = address
        for use in self.uses:
            if use.relocation.symbol == name:
                self._relocate(use)

    def _relocate(self, use: Use) -> None:
        region, offset, relocation, forgotten = use
        size, relative, signed = PLACES[relocation.kind]
        value = self.resolve(relocation.symbol) + relocation.addend + forgotten
        if relative:
            value -= region.linked + offset
        field = value % (1 << 64) if signed is None else _reduced(value, size, signed)
        if field is None:
            raise HostError(f"`{relocation.symbol}` is out of reach at {region.linked + offset:#x}")
        region.bytes[offset : offset + size] = field.to_bytes(size, "little")

    def describe(self, address: int) -> str | None:
        """`Symbol+0x12` for an address inside something that has a symbol."""
        place = bisect_right(self._sorted, Symbol(address, 1 << 64, "")) - 1
        if place < 0:
            return None
        start, size, name = self._sorted[place]
        if address >= start + max(size, 1):
            return None
        return f"{name}+{address - start:#x}" if address > start else name


def _permissions(section: Section) -> Permissions:
    if section.flags & SectionFlags.EXECUTE:
        return "r-x"
    return "rw-" if section.flags & SectionFlags.WRITE else "r--"


def _reduced(value: int, size: int, signed: bool) -> int | None:
    """`value`, which is counted modulo 2**64, in a field of `size` bytes; None if it can't be."""
    value %= 1 << 64
    if signed and value >= 1 << 63:
        value -= 1 << 64
    bits = size * 8
    low, high = (-(1 << (bits - 1)), 1 << (bits - 1)) if signed else (0, 1 << bits)
    return value % (1 << bits) if low <= value < high else None
