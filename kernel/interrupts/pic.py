"""The pair of 8259 interrupt controllers of a PC (Intel 8259A data sheet, 1988)."""

from __future__ import annotations

from enum import IntEnum, IntFlag

from kernel.interrupts.vectors import InterruptVector
from pykasm import *

LINES = 16
LINES_OF_ONE = 8
CASCADE_LINE = 2
"""The first one's line on which the second one asks (IBM PC/AT Technical Reference)."""

ALL = (1 << LINES) - 1


class Port(IntEnum):
    """Where they answer (IBM PC/AT Technical Reference)."""

    FIRST = 0x20
    FIRST_MASK = 0x21
    SECOND = 0xA0
    SECOND_MASK = 0xA1


class Setup(IntFlag):
    """Bits of the first and the last initialization command word."""

    ICW1 = 1 << 4
    WITH_ICW4 = 1 << 0
    PROCESSOR_8086 = 1 << 0
    AUTO_END = 1 << 1
    """Nobody has to say when an interrupt ends. Handlers run with interrupts off, so there is no
    order among them to keep."""


WORDS = (
    (Port.FIRST, Setup.ICW1 | Setup.WITH_ICW4),
    (Port.SECOND, Setup.ICW1 | Setup.WITH_ICW4),
    (Port.FIRST_MASK, InterruptVector.LEGACY),
    (Port.SECOND_MASK, InterruptVector.LEGACY + LINES_OF_ONE),
    (Port.FIRST_MASK, 1 << CASCADE_LINE),
    (Port.SECOND_MASK, CASCADE_LINE),
    (Port.FIRST_MASK, Setup.PROCESSOR_8086 | Setup.AUTO_END),
    (Port.SECOND_MASK, Setup.PROCESSOR_8086 | Setup.AUTO_END),
)
"""The initialization command words, in the order that the data sheet asks for."""


class Pic(Subsystem):
    """Both controllers as one with 16 lines. They are silent unless there is no I/O APIC.

    Context: whoever changes a line holds the lock of `Lines`.
    """

    masked = bss(U32)
    """A bit for each line that may not interrupt."""

    @function(init=True)
    def start(self) -> None:
        """Let them interrupt by the vectors from `InterruptVector.LEGACY` on, all lines masked."""
        for port, word in WORDS:
            mov(al, word)
            out(port, al)
        mov(self.masked, ALL & ~(1 << CASCADE_LINE))
        tail(self.apply)

    @function
    def mask(self, line: U32) -> None:
        """Keep `line` (0 to 15) from interrupting."""
        mov(eax, self.masked)
        bts(eax, line)
        mov(self.masked, eax)
        tail(self.apply)

    @function
    def unmask(self, line: U32) -> None:
        """Let `line` (0 to 15) interrupt."""
        mov(eax, self.masked)
        btr(eax, line)
        mov(self.masked, eax)
        tail(self.apply)

    @function
    def apply(self) -> None:
        """Tell the controllers which lines are masked."""
        mov(eax, self.masked)
        out(Port.FIRST_MASK, al)
        mov(al, ah)
        out(Port.SECOND_MASK, al)
