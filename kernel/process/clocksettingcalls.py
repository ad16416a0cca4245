"""System calls that set clocks."""

from __future__ import annotations

from enum import IntFlag

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
from kernel.time.wallclock import WallClock
from kernel.vm.usercopy import UserCopy
from pykasm import *

NOT_SYNCHRONISED = 0x40
"""What `Adjustment.status` tells: nobody keeps the clock right (STA_UNSYNC)."""

TIME_ERROR = 5
"""What follows from that (adjtimex(2))."""

UNKNOWN_ERROR = 16_000_000
"""Microseconds by which the clock may be wrong, for who does not know (Linux: NTP_PHASE_LIMIT)."""

TICK_LENGTH = 10_000
"""Microseconds between the ticks that programs count."""

TIME_CONSTANT = 2
PRECISION = 1
TOLERANCE = 500 << 16
"""What Linux tells of a clock that nobody has adjusted."""


class AdjustmentMode(IntFlag):
    """What is to be adjusted (include/uapi/linux/timex.h: ADJ_OFFSET and so on)."""

    SET_OFFSET = 0x100
    NANOSECONDS = 0x2000
    """The microseconds of `Adjustment.time` are nanoseconds."""


ALL_MODES = AdjustmentMode.SET_OFFSET | AdjustmentMode.NANOSECONDS


class Adjustment(Struct):
    """Linux's `struct timex`."""

    modes: U32 = field(AdjustmentMode)
    offset: I64
    frequency: I64
    most_error: I64
    likely_error: I64
    status: U32
    constant: I64
    precision: I64
    tolerance: I64
    seconds: I64
    microseconds: I64
    tick: I64
    pulses: Array[U64] = field(count=8)
    tai: I32
    unused: Array[U32] = field(count=11)


class ClockSettingCalls(SystemCallGroup):
    """Each method is what Linux does for the call of its name (man-pages, section 2)."""

    def __init__(
        self,
        processes: Processes,
        settings: DaySettings,
        clock: Clock,
        wall: WallClock,
        specs: TimeSpecs,
        times: UserTimes,
        copy: UserCopy,
    ) -> None:
        self.processes = processes
        self.settings = settings
        self.clock = clock
        self.wall = wall
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
    def clock_adjtime(self, number: Untrusted[U32], place: Keep[Fetched[User[U8]]]) -> OrErrno[I64]:
        """Adjust the clock `number`, and store how it is adjusted. The time of day can be moved;
        how fast it goes is measured, and nobody else's business."""
        adjustment = local(Adjustment)
        fail_if(number > LAST, Errno.EINVAL)
        fail_if(number != ClockId.REALTIME, Errno.EOPNOTSUPP)
        self.copy.copy_in_all(address_of(adjustment), place, sizeof(Adjustment))
        with if_(adjustment.modes != 0):
            try_(self._check_right())
            try_(self._move(address_of(adjustment)))
        self._describe(address_of(adjustment))
        refetch(place, "this stores what it has become")
        self.copy.copy_out_all(cast(place, User[U8]), address_of(adjustment), sizeof(Adjustment))
        ret(TIME_ERROR)

    @function(context="thread", sleeps=True)
    def _move(self, adjustment: Keep[Ptr[Adjustment]]) -> OrErrno[I64]:
        """Move the time of day by what is in `adjustment`. Returns 0, -EINVAL or -EOPNOTSUPP."""
        modes = scratch(adjustment.modes)
        and_(u32(modes), ~int(ALL_MODES) & 0xFFFF_FFFF)
        fail_if(u32(modes) != 0, Errno.EOPNOTSUPP)
        release(modes)
        with if_((adjustment.modes & AdjustmentMode.SET_OFFSET) == 0):
            ret(0)
        part = scratch(adjustment.microseconds)
        with if_((adjustment.modes & AdjustmentMode.NANOSECONDS) == 0):
            fail_if(u64(part) >= NSEC_PER_SEC // MICROSECOND, Errno.EINVAL)
            imul(part, part, MICROSECOND)
        fail_if(u64(part) >= NSEC_PER_SEC, Errno.EINVAL)
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
    def _describe(self, adjustment: Keep[Ptr[Adjustment]]) -> None:
        """Fill in `adjustment` with the time of day, and that nobody has adjusted it."""
        for name, value in (
            ("offset", 0),
            ("frequency", 0),
            ("most_error", UNKNOWN_ERROR),
            ("likely_error", UNKNOWN_ERROR),
            ("status", NOT_SYNCHRONISED),
            ("constant", TIME_CONSTANT),
            ("precision", PRECISION),
            ("tolerance", TOLERANCE),
            ("tick", TICK_LENGTH),
            ("tai", 0),
        ):
            mov(getattr(adjustment, name), value)
        mov(rax, self.wall.now())
        xor(edx, edx)
        mov(ecx, NSEC_PER_SEC)
        div(rcx)
        mov(adjustment.seconds, i64(rax))
        mov(rax, rdx)
        xor(edx, edx)
        mov(ecx, MICROSECOND)
        div(rcx)
        mov(adjustment.microseconds, i64(rax))
