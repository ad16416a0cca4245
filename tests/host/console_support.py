"""A writer into memory, for tests of what is printed."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from kernel.console.console import Console
from kernel.console.screenstate import Screen
from kernel.contents import CONTENTS
from kernel.text.numbers import Numbers
from kernel.text.symbols import Symbols
from kernel.text.writer import Writer
from pykasm import *
from pykasm.hostrun import Host, stand_ins

CAPACITY = 4096


class Paper(Writer):
    """Keeps what is written; a change of colour shows as a byte from 0x80 on."""

    bytes = bss(U8 * CAPACITY)
    length = bss(U64)

    def __init__(self) -> None:
        super().__init__(Numbers(), Symbols())

    @function
    def put(self, byte: U8) -> None:
        mov(rcx, self.length)
        mov(self.bytes[rcx], byte)
        inc(self.length)

    @function
    def set_colour(self, colour: U8) -> None:
        or_(colour, 0x80)
        tail(self.put, colour)

    @function
    def write(self, bytes: Keep[Ptr[U8]], length: Keep[U32]) -> None:
        """Bytes as they are."""
        with while_(length != 0):
            self.put(at(bytes))
            inc(bytes)
            dec(length)

    @function
    def start_screen(self, screen: Ptr[Screen]) -> None:
        """There are no screens."""

    @function
    def write_to(self, screen: Ptr[Screen], byte: U8) -> None:
        """Nobody sees it."""

    @function
    def finish_writing(self) -> None:
        """So it is."""

    @function
    def show(self, number: U32) -> None:
        """There is nothing to be seen."""

    @function
    def scroll_back(self, rows: I32) -> None:
        """Nothing was there before."""

    @function
    def flush(self) -> None:
        """Nothing waits."""

    @function
    def break_lock(self) -> None:
        """Nobody else writes."""


NOBODY: Mapping[type[Any], object] = MappingProxyType({})


def parts_on(
    paper: Paper, *silent: type[Subsystem], instead: Mapping[type[Any], object] = NOBODY
) -> Parts:
    """The kernel's parts, with `paper` for the console and stand-ins for those that are `silent`;
    `instead` has others."""
    shown = {Console: paper, Numbers: paper.numbers, Symbols: paper.symbols}
    return Parts(CONTENTS, instead={**shown, **stand_ins(*silent), **instead})


def host_for(*subsystems: Subsystem) -> Host:
    """A host without a symbol table."""
    host = Host(*subsystems)
    host.define("symbols_start", 0)
    host.define("symbols_end", 0)
    return host


def written(host: Host, paper: Paper) -> bytes:
    """What has been written since the last time this was asked."""
    text = host.read(host.address(paper.bytes), host[paper.length])
    host[paper.length] = 0
    return text
