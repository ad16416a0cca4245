"""The counter of the PC's programmable interval timer (Intel 8254 data sheet)."""

from __future__ import annotations

from enum import IntEnum

from kernel.clock.units import FSEC_PER_SEC
from kernel.locks.spinlock import SpinLock
from kernel.time.referenceclock import ReferenceClock, ReferenceClockDriver
from pykasm import *

FREQUENCY = 1_193_182
"""Hertz (IBM PC/AT Technical Reference)."""

MASK = (1 << 16) - 1
"""The bits of the count."""


class PitPort(IntEnum):
    """The timer's ports."""

    CHANNEL_0 = 0x40
    CONTROL = 0x43


class PitControl(IntEnum):
    """Control words for channel 0 (figure 7)."""

    LATCH = 0x00
    """Latch the count, for the next two reads."""
    RATE_GENERATOR = 0x34
    """Mode 2, binary; the low byte is accessed first, then the high one."""


class Pit(ReferenceClockDriver):
    """Count with channel 0, over all of its 16 bits. Its interrupt line stays masked."""

    def __init__(self) -> None:
        self.lock = bss(SpinLock)
        period = FSEC_PER_SEC // FREQUENCY
        self.reference = data(
            ReferenceClock, ReferenceClock(name="pit", read=self.read, period=period, mask=MASK)
        )

    @function(init=True)
    def start(self) -> None:
        """Start the counter."""
        self._write(PitPort.CONTROL, PitControl.RATE_GENERATOR)
        self._write(PitPort.CHANNEL_0, 0)  # 0 stands for 65536 (figure 15)
        self._write(PitPort.CHANNEL_0, 0)

    @inline(changes=rax)
    def _write(self, port: PitPort, value: int) -> None:
        """Write `value` to `port`."""
        mov(al, value)
        out(port, al)

    @function(context="any")
    def read(self) -> U64:
        """Return the count, negated, as the timer counts down. Context: any."""
        count = scratch(U32)
        with self.lock.held():  # the latched count is read in two accesses
            self._write(PitPort.CONTROL, PitControl.LATCH)
            in_(al, PitPort.CHANNEL_0)
            movzx(count, al)
            in_(al, PitPort.CHANNEL_0)
            movzx(eax, al)
            shl(eax, 8)
            or_(eax, count)
        neg(eax)
        and_(eax, MASK)
        ret(rax)
