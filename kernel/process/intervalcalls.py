"""System calls for the timers that each process has."""

from __future__ import annotations

from kernel.clock.units import NSEC_PER_SEC
from kernel.errno import Errno
from kernel.process.intervaltimers import IntervalSetting, IntervalTimers
from kernel.process.process import IntervalKind
from kernel.process.processes import Processes
from kernel.process.systemcallgroup import SystemCallGroup
from kernel.process.timespec import TimeSpecs
from kernel.process.usertimes import MICROSECOND, TimeVal, UserTimes
from pykasm import *

LONGEST_ALARM = (1 << 31) - 1
"""Seconds that `alarm` waits at most."""


class IntervalCalls(SystemCallGroup):
    """Each method is what Linux does for the call of its name (man-pages, section 2)."""

    def __init__(
        self, processes: Processes, intervals: IntervalTimers, times: UserTimes, specs: TimeSpecs
    ) -> None:
        self.processes = processes
        self.intervals = intervals
        self.times = times
        self.specs = specs

    @function(context="thread", sleeps=True)
    def getitimer(self, kind: Untrusted[U32], target: Keep[User[U8]]) -> OrErrno[I64]:
        """Store how the timer `kind` is set."""
        setting = local(IntervalSetting)
        fail_if(kind > IntervalKind.PROFILE, Errno.EINVAL)
        self.intervals.get(self.processes.current_process(), kind, address_of(setting))
        ret(self._give(target, address_of(setting)))

    @function(context="thread", sleeps=True)
    def setitimer(
        self, kind: Keep[Untrusted[U32]], new: Keep[Fetched[User[U8]]], old: Keep[User[U8]]
    ) -> OrErrno[I64]:
        """Set the timer `kind` as `new` has it, or stop it if that is null; store how it was set in
        `old`, unless that is null."""
        setting = local(IntervalSetting)
        mov(setting.interval, 0)
        mov(setting.left, 0)
        with if_(u64(new) != 0):
            try_(self.times.take_microseconds(new, address_of(setting.interval)))
            add(u64(new), sizeof(TimeVal))
            try_(self.times.take_microseconds(new, address_of(setting.left)))
        fail_if(kind > IntervalKind.PROFILE, Errno.EINVAL)
        self.intervals.set(self.processes.current_process(), kind, address_of(setting))
        with if_(u64(old) == 0):
            ret(0)
        ret(self._give(old, address_of(setting)))

    @function(context="thread", sleeps=True)
    def _give(self, target: Keep[User[U8]], setting: Keep[Ptr[IntervalSetting]]) -> OrErrno[I64]:
        """Store `setting` as a `struct itimerval` at `target`. Returns 0 or -EFAULT."""
        try_(self.specs.give(target, u64(setting.interval), MICROSECOND))
        add(u64(target), sizeof(TimeVal))
        mov(rax, setting.left)
        with if_((rax != 0) & (rax < MICROSECOND)):
            mov(eax, MICROSECOND)  # it still runs
        tail(self.specs.give, target, rax, MICROSECOND)

    @function(context="thread")
    def alarm(self, seconds: U32) -> OrErrno[I64]:
        """Have SIGALRM come after so many `seconds`, or not for 0. Return how many were left until
        it would have come: half a second or more for one, but none only if there was nothing."""
        setting = local(IntervalSetting)
        mov(setting.interval, 0)
        with if_(seconds > LONGEST_ALARM):
            mov(seconds, LONGEST_ALARM)
        mov(eax, seconds)
        mov(ecx, NSEC_PER_SEC)
        imul(rax, rcx)
        mov(setting.left, rax)
        self.intervals.set(self.processes.current_process(), IntervalKind.REAL, address_of(setting))
        mov(rax, setting.left)
        xor(edx, edx)
        mov(ecx, NSEC_PER_SEC)
        div(rcx)
        with if_((rdx >= NSEC_PER_SEC // 2) | ((rax == 0) & (rdx != 0))):
            inc(rax)
        ret(rax)
