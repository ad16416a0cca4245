"""A writer into memory, for tests of what is printed."""

from kernel.cpu.percpu import PerCpu
from kernel.log.log import Log
from kernel.text.numbers import Numbers
from kernel.text.symbols import Symbols
from kernel.text.writer import Writer
from pykasm import *
from pykasm.hostrun import Host

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


def log_on(paper: Paper) -> Log:
    """A log whose warnings are shown on `paper`."""
    return Log(paper, PerCpu(), paper.numbers, paper.symbols)


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
