"""Profiles: instructions by function and by line, from QEMU's log."""

from __future__ import annotations

import pytest

from pykasm.machine.profile import ELSEWHERE, PROGRAM_ITSELF, Profile, Row
from pykasm.machine.symbols import SymbolTable, UnknownSymbol

FIRMWARE, FIRST, SECOND, PROGRAM = 0xFE05B, 0xFFFFFFFF80100000, 0xFFFFFFFF80100004, 0x401000


class Location:
    def __init__(self, name: str, source: str) -> None:
        self.symbol, self.source = self, source
        self.name = name


class Symbols:
    """A kernel of one function with two lines."""

    def lookup(self, address: int) -> Location:
        if address not in (FIRST, SECOND):
            raise UnknownSymbol("none")
        return Location("Adder.add", f"adder.py:{7 if address == FIRST else 8}")


def line(address: int, flags: int = 0x4000B0) -> bytes:
    return b"Trace 0: 0x7f5568000100 [%016x/%016x/%08x/ff000201] \n" % (0, address, flags)


LOG = b"".join(
    [
        line(FIRMWARE, 0x40),
        line(FIRST),
        line(PROGRAM, 0x40C0B3),
        line(FIRST),
        line(SECOND),
        b"Stopped execution of TB chain before 0x7f55 [000000000040100a]\n",
        line(SECOND),
        line(PROGRAM, 0x40C0B3),
    ]
)


@pytest.mark.parametrize("size", [7, 64, 10_000])
def test_all_is_counted_however_the_log_comes(size: int) -> None:
    profile = Profile()
    profile.read(LOG[at : at + size] for at in range(0, len(LOG), size))
    symbols: SymbolTable = Symbols()
    assert profile.total == 7
    rows = profile.by_function(symbols)
    assert rows == [Row(4, "Adder.add"), Row(2, PROGRAM_ITSELF), Row(1, ELSEWHERE)]
    lines = {one.name: one.instructions for one in profile.by_line(symbols)}
    assert lines["Adder.add adder.py:7"] == lines["Adder.add adder.py:8"] == 2


def test_what_comes_before_a_program_can_be_left_out() -> None:
    profile = Profile(in_programs=True)
    profile.read([LOG])
    assert profile.total == 5
    profile.read([line(FIRST)])
    assert profile.total == 6


def test_nothing_is_counted_without_a_program() -> None:
    profile = Profile(in_programs=True)
    profile.read([line(FIRST), line(FIRMWARE, 0x40)])
    assert profile.total == 0
    assert profile.by_line(Symbols()) == []
