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


class PicPort(IntEnum):
    """Where they answer (IBM PC/AT Technical Reference)."""

    FIRST = 0x20
    FIRST_MASK = 0x21
    SECOND = 0xA0
    SECOND_MASK = 0xA1


class InitializationWord(IntFlag):
    """Bits of the first and the last initialization command word."""

    ICW1 = 1 << 4
    WITH_ICW4 = 1 << 0
    PROCESSOR_8086 = 1 << 0
    AUTO_END = 1 << 1
    """Nobody has to say when an interrupt ends. Handlers run with interrupts off, so there is no
    order among them to keep."""


WORDS = (
    (PicPort.FIRST, InitializationWord.ICW1 | InitializationWord.WITH_ICW4),
    (PicPort.SECOND, InitializationWord.ICW1 | InitializationWord.WITH_ICW4),
    (PicPort.FIRST_MASK, InterruptVector.LEGACY),
    (PicPort.SECOND_MASK, InterruptVector.LEGACY + LINES_OF_ONE),
    (PicPort.FIRST_MASK, 1 << CASCADE_LINE),
    (PicPort.SECOND_MASK, CASCADE_LINE),
    (PicPort.FIRST_MASK, InitializationWord.PROCESSOR_8086 | InitializationWord.AUTO_END),
    (PicPort.SECOND_MASK, InitializationWord.PROCESSOR_8086 | InitializationWord.AUTO_END),
)
"""The initialization command words, in the order that the data sheet asks for."""


class Pic(Subsystem):
    """Both controllers as one with 16 lines. They are silent unless there is no I/O APIC.

    Context: any; the lock of `Lines` is held.
    """

    masked = bss(U32)
    """A bit for each line that is masked."""

    @function(init=True)
    def start(self) -> None:
        """Initialize both, to vectors from `InterruptVector.LEGACY` on, with all lines masked."""
        for port, word in WORDS:
            mov(al, word)
            out(port, al)
        mov(self.masked, ALL & ~(1 << CASCADE_LINE))
        tail(self._apply)

    @function(holds="Lines.lock")
    def mask(self, line: U32) -> None:
        """Mask `line` (0 to 15)."""
        mov(eax, self.masked)
        bts(eax, line)
        mov(self.masked, eax)
        tail(self._apply)

    @function(holds="Lines.lock")
    def unmask(self, line: U32) -> None:
        """Unmask `line` (0 to 15)."""
        mov(eax, self.masked)
        btr(eax, line)
        mov(self.masked, eax)
        tail(self._apply)

    @function
    def _apply(self) -> None:
        """Write `masked` to the controllers."""
        mov(eax, self.masked)
        out(PicPort.FIRST_MASK, al)
        mov(al, ah)
        out(PicPort.SECOND_MASK, al)
