"""The wall clock."""

from __future__ import annotations

from kernel.clock.clock import Clock
from kernel.clock.timer import Timer
from kernel.clock.timers import Timers
from kernel.clock.units import NSEC_PER_SEC, Nanoseconds
from kernel.interrupts.work import Work
from kernel.irq.deferred import Deferred
from kernel.log.level import LogLevel
from kernel.log.log import Log
from kernel.time.calendar import Calendar, DateTime
from kernel.time.calibration import Calibration
from kernel.time.rtc import RealTimeClock
from pykasm import *

CHECK_INTERVAL = 20 * NSEC_PER_SEC
"""Nanoseconds between comparisons with the real-time clock."""

TOLERANCE = 2 * NSEC_PER_SEC
"""Nanoseconds by which the two may differ: as the one counts seconds, a second would be too few."""


class StepListener(Fn[[I64], Void], context="deferred"):
    """Called when the time of day was set by so many nanoseconds, as the real-time clock has it."""


class WallClock(Subsystem):
    """The time of day: from the real-time clock when first read, and from then on from `Clock`.

    While a machine stands still, as virtual ones do when they are paused or moved, only the
    real-time clock goes on, so the two are compared now and then. Where nothing measures the
    time-stamp counter, all times are read from the real-time clock, which has a resolution of a
    second. Context: threads.
    """

    listener = bss(OrNull[StepListener])
    moved = bss(I64)
    """By how many nanoseconds programs have set the time of day. The real-time clock stays as it
    is."""

    def __init__(
        self,
        clock: Clock,
        calibration: Calibration,
        rtc: RealTimeClock,
        calendar: Calendar,
        timers: Timers,
        deferred: Deferred,
        log: Log,
    ) -> None:
        self.clock = clock
        self.calibration = calibration
        self.rtc = rtc
        self.calendar = calendar
        self.timers = timers
        self.deferred = deferred
        self.log = log
        self.timer = data(Timer, Timer(handler=self._expire))
        self.work = data(Work, Work(handler=self._check))

    @function
    def now(self) -> U64:
        """Return the nanoseconds since 1970, or 0 if the real-time clock does not work."""
        with if_(self.calibration.reference == 0):
            tail(self._read_rtc)
        page = keep(self.clock.page)
        with if_(page.boot_time == 0):
            self._set_boot_time()
        with if_(page.boot_time == 0):
            ret(0)
        now = self.clock.now()
        add(now, page.boot_time)
        ret(now)

    @function
    def set(self, time: Keep[U64]) -> I64:
        """Make `time`, in nanoseconds since 1970 and later than the start was, the time of day.
        Returns by how much that changes it."""
        before, page = keep(self.now()), scratch(self.clock.page)
        sub(time, before)
        lock.add(self.moved, time)
        lock.add(page.boot_time, time)
        ret(i64(time))

    @function(context="deferred")
    def leap(self, change: I64) -> None:
        """Set the time of day by `change` nanoseconds, those of a leap second, which International
        Atomic Time does not have."""
        page = scratch(self.clock.page)
        lock.add(self.moved, change)
        lock.add(page.boot_time, u64(change))
        lock.sub(page.atomic_offset, change)
        tail(self._tell, change)

    @function
    def atomic_offset(self) -> I64:
        """Return the nanoseconds by which International Atomic Time is ahead."""
        page = scratch(self.clock.page)
        ret(page.atomic_offset)

    @inline(changes=("time", *CALLER_SAVED))
    def to_day(self, time: Nanoseconds) -> None:
        """Turn `time`, by International Atomic Time, into one of the time of day, by the offset
        that it has now; 0 if that was before 1970."""
        offset = self.atomic_offset()
        sub(time, offset)
        with if_(CF):
            xor(u32(time), u32(time))

    @function
    def since_boot(self, time: Keep[Nanoseconds]) -> Nanoseconds:
        """Return the time of `Clock` when the time of day is `time`: 1 if that was before it
        began, so that it is never 0."""
        passed = keep(self.now())
        now = self.clock.now()
        sub(passed, now)
        with if_(time <= passed):
            ret(1)
        mov(rax, time)
        sub(rax, passed)
        ret(cast(rax, Nanoseconds))

    @function
    def _read_rtc(self) -> U64:
        """Return the nanoseconds from 1970 to the second that the real-time clock shows, set as
        programs want it; 0 if it does not work."""
        date = local(DateTime)
        with if_(~self.rtc.read(address_of(date))):
            ret(0)
        seconds = self.calendar.to_seconds(address_of(date))
        mov(ecx, NSEC_PER_SEC)
        imul(seconds, rcx)
        add(seconds, self.moved)
        ret(seconds)

    @function
    def _find_boot_time(self) -> U64:
        """Return what the time of boot is by the real-time clock, with by how much programs have
        made time go faster since; 0 if that clock does not work."""
        time = keep(self._read_rtc())
        with if_(time == 0):
            ret(0)
        sub(time, self.clock.raw())
        ret(time)

    @function
    def _set_boot_time(self) -> None:
        """Set `ClockPage.boot_time` from the real-time clock, if that works."""
        boot_time = scratch(self._find_boot_time())
        xor(eax, eax)
        # Two processors may get here at once: the first one sets it
        page = scratch(self.clock.page)
        lock.cmpxchg(page.boot_time, boot_time)

    # Comparing

    @function(init=True)
    def start(self) -> None:
        """Compare with the real-time clock from time to time. Context: the first processor, when
        timers work."""
        tail(self._schedule)

    @function
    def _schedule(self) -> None:
        """Arm the timer for the next comparison."""
        tail(self.timers.arm, address_of(self.timer), self.clock.after(CHECK_INTERVAL))

    @function(context="interrupt")
    def _expire(self, timer: Ptr[Timer]) -> None:
        """Leave the comparison for later, as reading the real-time clock takes long."""
        tail(self.deferred.add, address_of(self.work))

    @function(context="deferred")
    def _check(self, work: Ptr[Work]) -> None:
        """Go by the real-time clock if the time of day is wrong by more than TOLERANCE."""
        self._schedule()
        change = keep(self._find_step())
        with if_(change != 0):
            tail(self._step, change)

    @function
    def _find_step(self) -> I64:
        """Return by how many nanoseconds the time of day is behind the real-time clock; 0 if that
        is no more than TOLERANCE, or if that clock does not work."""
        change, page = scratch(I64), keep(self.clock.page)
        with if_(page.boot_time == 0):  # nobody has asked for the time yet
            ret(0)
        found = self._find_boot_time()
        with if_(found == 0):
            ret(0)
        mov(u64(change), found)
        sub(u64(change), page.boot_time)
        mov(rax, u64(change))
        with if_(change < 0):
            neg(rax)
        mov(rcx, TOLERANCE)
        with if_(rax <= rcx):
            ret(0)
        ret(change)

    @function(context="deferred")
    def _step(self, change: Keep[I64]) -> None:
        """Set the time of day by `change` nanoseconds, and say so."""
        page = scratch(self.clock.page)
        lock.add(page.boot_time, u64(change))
        self._log_step(change)
        tail(self._tell, change)

    @function(context="deferred")
    def _tell(self, change: I64) -> None:
        """Tell who wants to know that the time of day was set by `change` nanoseconds."""
        with if_(self.listener != 0):
            self.listener(change)

    @function
    def _log_step(self, change: Keep[I64]) -> None:
        """Log that the time of day was set by `change` nanoseconds."""
        way = keep(Ptr[U8])
        mov(way, text("forward"))
        with if_(change < 0):
            mov(way, text("back"))
            neg(change)
        mov(rax, u64(change))
        xor(edx, edx)
        mov(ecx, NSEC_PER_SEC)
        div(rcx)
        self.log.write(
            LogLevel.NOTICE,
            "clock: the time of day was set %s by %u s, as the real-time clock has it",
            way,
            rax,
        )
