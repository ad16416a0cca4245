"""System calls that set clocks."""

from __future__ import annotations

from kernel.clock.clock import Clock
from kernel.clock.units import NSEC_PER_SEC, Nanoseconds
from kernel.errno import Errno
from kernel.fs.credentials import CapabilityBit
from kernel.process.daysettings import DaySettings
from kernel.process.processes import Processes
from kernel.process.systemcallgroup import SystemCallGroup
from kernel.process.timecalls import LAST, ClockId
from kernel.process.timespec import TimeSpecs
from kernel.process.usertimes import MICROSECOND, UserTimes
from kernel.time.adjustment import Adjustment, AdjustmentMode, ClockStatus
from kernel.time.clockdiscipline import FASTEST_TICK, PART, SLOWEST_TICK, ClockDiscipline
from kernel.time.wallclock import WallClock
from kernel.vm.usercopy import UserCopy
from pykasm import *

CLOCK_OF_FILE = 3
"""The bits of a negative number that make it that of a clock which is a file (clock_getres(2))."""


class ClockSettingCalls(SystemCallGroup):
    """Each method is what Linux does for the call of its name (man-pages, section 2)."""

    def __init__(
        self,
        processes: Processes,
        settings: DaySettings,
        clock: Clock,
        wall: WallClock,
        discipline: ClockDiscipline,
        specs: TimeSpecs,
        times: UserTimes,
        copy: UserCopy,
    ) -> None:
        self.processes = processes
        self.settings = settings
        self.clock = clock
        self.wall = wall
        self.discipline = discipline
        self.specs = specs
        self.times = times
        self.copy = copy

    @function(context="thread", sleeps=True)
    def clock_settime(self, number: Untrusted[U32], source: Fetched[User[U8]]) -> OrErrno[I64]:
        """Set the clock `number`. Only that of the time of day can be."""
        time = local(Nanoseconds)
        with if_((number == ClockId.PROCESS_CPU) | (number == ClockId.THREAD_CPU)):
            ret(-Errno.EPERM)
        fail_if(number != ClockId.REALTIME, Errno.EINVAL)
        try_(self.specs.take(source, address_of(time)))
        tail(self._set, time)

    @function(context="thread", sleeps=True)
    def settimeofday(self, source: Keep[Fetched[User[U8]]], zone: Keep[User[U8]]) -> OrErrno[I64]:
        """Set the time of day, unless `source` is null. The kernel has no time zone: a `zone` is
        looked at and forgotten."""
        time, ignored = local(Nanoseconds), local(U64)
        with if_(u64(source) != 0):
            try_(self.times.take_microseconds(source, address_of(time)))
        with if_(u64(zone) != 0):
            self.copy.copy_in_all(address_of(ignored), cast(zone, Fetched[User[U8]]), sizeof(U64))
        try_(self._check_right())
        with if_(u64(source) == 0):
            ret(0)
        tail(self._set, time)

    @function(context="thread")
    def _check_right(self) -> OrErrno[I64]:
        """Return 0 if the task that runs may set clocks, else -EPERM."""
        credentials = scratch(self.processes.current().credentials)
        fail_if((credentials.effective & (1 << CapabilityBit.SYS_TIME)) == 0, Errno.EPERM)
        ret(0)

    @function(context="thread", sleeps=True)
    def _set(self, time: Keep[Nanoseconds]) -> OrErrno[I64]:
        """Set the time of day. Returns 0; -EPERM; or -EINVAL for a time since which the kernel has
        run longer than it had."""
        try_(self._check_right())
        now = self.clock.now()
        fail_if(time <= now, Errno.EINVAL)
        self.settings.set(time)
        ret(0)

    # Adjusting

    @function(context="thread", sleeps=True)
    def adjtimex(self, place: Fetched[User[U8]]) -> OrErrno[I64]:
        """Adjust the time of day, and store how it is adjusted."""
        tail(self.clock_adjtime, ClockId.REALTIME, place)

    @function(context="thread", sleeps=True)
    def clock_adjtime(
        self, number: Keep[Untrusted[U32]], place: Keep[Fetched[User[U8]]]
    ) -> OrErrno[I64]:
        """Adjust the clock `number`, of which only the time of day can be, and store how it is
        adjusted. Returns a `ClockState`."""
        adjustment, state = local(Adjustment), keep(I64)
        self.copy.copy_in_all(address_of(adjustment), place, sizeof(Adjustment))
        try_(self._check_clock(number))
        try_(self._check(address_of(adjustment)))
        with if_(adjustment.modes & AdjustmentMode.SET_OFFSET):
            try_(self._move(address_of(adjustment)))
        mov(u32(state), self.discipline.adjust(address_of(adjustment)))
        self._tell_time(address_of(adjustment))
        refetch(place, "this stores what it has become")
        self.copy.copy_out_all(cast(place, User[U8]), address_of(adjustment), sizeof(Adjustment))
        ret(state)

    @function
    def _check_clock(self, number: Untrusted[U32]) -> OrErrno[I64]:
        """Return 0 if the clock `number` can be adjusted; -EINVAL if there is none, -EOPNOTSUPP if
        it is another."""
        with if_(number == ClockId.REALTIME):
            ret(0)
        with if_(i32(number) < 0):
            and_(number, CLOCK_OF_FILE)
            fail_if(number == CLOCK_OF_FILE, Errno.EINVAL)  # none has one
            ret(-Errno.EOPNOTSUPP)
        fail_if(number > LAST, Errno.EINVAL)
        ret(-Errno.EOPNOTSUPP)

    @function(context="thread")
    def _check(self, adjustment: Keep[Ptr[Adjustment]]) -> OrErrno[I64]:
        """Return 0 if the task that runs may do what `adjustment` asks for, and if all is in
        range; else -EPERM or -EINVAL."""
        with if_(adjustment.modes & AdjustmentMode.ONCE):
            fail_if((adjustment.modes & AdjustmentMode.OFFSET) == 0, Errno.EINVAL)
            with if_((adjustment.modes & AdjustmentMode.NANOSECONDS) == 0):
                try_(self._check_right())
        with elif_(adjustment.modes != 0):
            try_(self._check_right())
            with if_(adjustment.modes & AdjustmentMode.TICK):
                fail_if(adjustment.tick < SLOWEST_TICK, Errno.EINVAL)
                fail_if(adjustment.tick > FASTEST_TICK, Errno.EINVAL)
        with if_(adjustment.modes & AdjustmentMode.SET_OFFSET):
            try_(self._check_right())
            part = scratch(adjustment.microseconds)
            with if_((adjustment.modes & AdjustmentMode.NANOSECONDS) == 0):
                fail_if(u64(part) >= NSEC_PER_SEC // MICROSECOND, Errno.EINVAL)
            fail_if(u64(part) >= NSEC_PER_SEC, Errno.EINVAL)
        with if_(adjustment.modes & AdjustmentMode.FREQUENCY):
            mov(rax, PART)
            imul(rax, adjustment.frequency)
            with if_(OF):
                ret(-Errno.EINVAL)
        ret(0)

    @function(context="thread", sleeps=True)
    def _move(self, adjustment: Ptr[Adjustment]) -> OrErrno[I64]:
        """Move the time of day by what is in `adjustment`. Returns 0 or -EINVAL."""
        part = scratch(adjustment.microseconds)
        with if_((adjustment.modes & AdjustmentMode.NANOSECONDS) == 0):
            imul(part, part, MICROSECOND)
        mov(ecx, NSEC_PER_SEC)
        mov(rax, adjustment.seconds)
        imul(rax, rcx)
        with if_(OF):
            ret(-Errno.EINVAL)
        add(rax, part)
        change = keep(rax)
        add(change, self.wall.now())
        fail_if(i64(change) <= 0, Errno.EINVAL)
        tail(self._set, change)

    @function(context="thread")
    def _tell_time(self, adjustment: Keep[Ptr[Adjustment]]) -> None:
        """Fill in `adjustment`, which has its status, with the time of day."""
        mov(rax, self.wall.now())
        self.specs.split()
        mov(adjustment.seconds, i64(rax))
        mov(rax, rdx)
        with if_((adjustment.status & ClockStatus.NANOSECONDS) == 0):
            xor(edx, edx)
            mov(ecx, MICROSECOND)
            div(rcx)
        mov(adjustment.microseconds, i64(rax))
