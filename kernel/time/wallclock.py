"""The wall clock."""

from __future__ import annotations

from kernel.clock.clock import Clock
from kernel.clock.units import NSEC_PER_SEC
from kernel.time.calendar import Calendar, DateTime
from kernel.time.rtc import RealTimeClock
from pykasm import *


class WallClock(Subsystem):
    """The time of day: from the real-time clock when first read, and from then on from `Clock`.

    The real-time clock has a resolution of a second. Context: threads.
    """

    boot_time = bss(U64)
    """Nanoseconds from 1970 to boot; 0 while the real-time clock has not been read."""

    def __init__(self, clock: Clock, rtc: RealTimeClock, calendar: Calendar) -> None:
        self.clock = clock
        self.rtc = rtc
        self.calendar = calendar

    @function
    def now(self) -> U64:
        """Return the nanoseconds since 1970, or 0 if the real-time clock does not work."""
        with if_(self.boot_time == 0):
            self._read_rtc()
        with if_(self.boot_time == 0):
            ret(0)
        now = self.clock.now()
        add(now, self.boot_time)
        ret(now)

    @function
    def _read_rtc(self) -> None:
        """Set `boot_time` from the real-time clock, if that works."""
        date, boot_time = local(DateTime), keep(U64)
        with if_(~self.rtc.read(address_of(date))):
            ret()
        mov(boot_time, self.calendar.to_seconds(address_of(date)))
        mov(eax, NSEC_PER_SEC)
        imul(boot_time, rax)
        sub(boot_time, self.clock.now())
        xor(eax, eax)
        # Two processors may get here at once: the first one sets it, so that it never changes.
        lock.cmpxchg(self.boot_time, boot_time)
