"""The time of day."""

from __future__ import annotations

from kernel.clock.clock import Clock
from kernel.clock.units import NSEC_PER_SEC
from kernel.time.calendar import Calendar, DateTime
from kernel.time.rtc import RealTimeClock
from pykasm import *


class WallClock(Subsystem):
    """Nanoseconds since 1970, by the real-time clock when it is first asked, and from then on by
    `Clock`. The real-time clock only tells whole seconds. Context: any but handlers."""

    start = bss(U64)
    """Nanoseconds from 1970 to the kernel's start; 0 as long as nobody asked."""

    def __init__(self, clock: Clock, rtc: RealTimeClock, calendar: Calendar) -> None:
        self.clock = clock
        self.rtc = rtc
        self.calendar = calendar

    @function
    def now(self) -> U64:
        """Nanoseconds since 1970, or 0 if the real-time clock does not work."""
        with if_(self.start == 0):
            self.set()
        with if_(self.start == 0):
            ret(0)
        now = self.clock.now()
        add(now, self.start)
        ret(now)

    @function
    def set(self) -> None:
        """Ask the real-time clock."""
        date, start = local(DateTime), keep(U64)
        lea(rdi, date)
        works = self.rtc.read(rdi)
        with if_(works == 0):
            ret()
        lea(rdi, date)
        mov(start, self.calendar.seconds(rdi))
        mov(eax, NSEC_PER_SEC)
        imul(start, rax)
        sub(start, self.clock.now())
        xor(eax, eax)
        lock.cmpxchg(self.start, start)  # who asks first, on any processor, sets it for all
