"""The interval timer of the PC (Intel 8254 data sheet), as a counter."""

from __future__ import annotations

from enum import IntEnum

from kernel.clock.units import FSEC_PER_SEC
from kernel.locks.spinlock import SpinLock
from kernel.time.referenceclock import ReferenceClock, ReferenceCounter
from pykasm import *

FREQUENCY = 1_193_182
"""Hertz (IBM PC/AT Technical Reference)."""

MASK = (1 << 16) - 1


class PitPort(IntEnum):
    """Where it answers."""

    CHANNEL_0 = 0x40
    CONTROL = 0x43


class PitControl(IntEnum):
    """Control words for channel 0 (figure 7)."""

    LATCH = 0x00
    """Let the next two reads give the count as it is now."""
    RATE_GENERATOR = 0x34
    """Mode 2, in binary; low byte first, then the high one."""


class Pit(ReferenceCounter):
    """Channel 0 counts all of its 16 bits again and again. Its interrupt line stays masked."""

    def __init__(self) -> None:
        self.lock = bss(SpinLock)
        period = FSEC_PER_SEC // FREQUENCY
        self.reference = data(
            ReferenceClock, ReferenceClock(name="pit", read=self.read, period=period, mask=MASK)
        )

    @function(init=True)
    def start(self) -> None:
        """Let it count."""
        self._write(PitPort.CONTROL, PitControl.RATE_GENERATOR)
        self._write(PitPort.CHANNEL_0, 0)  # from 65536 down (figure 15)
        self._write(PitPort.CHANNEL_0, 0)

    def _write(self, port: PitPort, value: int) -> None:
        mov(al, value)
        out(port, al)

    @function
    def read(self) -> U64:
        """The counter, as if it counted upwards."""
        count = scratch(U32)
        with self.lock.held():
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
