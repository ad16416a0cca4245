"""System calls for timers that programs make."""

from __future__ import annotations

from enum import IntEnum

from kernel.errno import Errno
from kernel.process.intervaltimers import IntervalSetting
from kernel.process.posixtimers import PosixTimers, TimerRequest
from kernel.process.processes import Processes
from kernel.process.processorclocks import (
    KIND,
    OF_THREAD,
    OWN_PROCESS,
    OWN_THREAD,
    OWNER_SHIFT,
    ProcessorClockKind,
)
from kernel.process.systemcallgroup import SystemCallGroup
from kernel.process.timecalls import ABSOLUTE, ClockId
from kernel.process.timespec import TimeSpec, TimeSpecs
from kernel.signals.signalnumber import SIGNALS, Signal, SignalCode
from kernel.signals.signaltimer import DayBase, SignalTimer, TimeBase
from kernel.vm.usercopy import UserCopy
from pykasm import *

NOT_FOR_TIMERS = (ClockId.MONOTONIC_RAW, ClockId.REALTIME_COARSE, ClockId.MONOTONIC_COARSE)
"""Clocks that no timer goes by."""


class Notification(IntEnum):
    """What becomes of a timer that expires (include/uapi/asm-generic/siginfo.h: SIGEV_SIGNAL and so
    on; sigevent(3type))."""

    SIGNAL = 0
    NONE = 1
    THREAD = 2
    """A thread of the program waits for the signal: to the kernel it is SIGNAL."""
    THREAD_ID = 4
    """The signal is for one thread."""


class SignalEvent(Struct):
    """Linux's `struct sigevent`, as far as it means something."""

    value: U64
    signal: Untrusted[U32]
    notification: Untrusted[U32]
    thread: Untrusted[U32]
    has_value: U32
    """1 if the program gives a value, and not only by default. It does not come from there."""


class TimerCalls(SystemCallGroup):
    """Each method is what Linux does for the call of its name (man-pages, section 2)."""

    def __init__(
        self,
        processes: Processes,
        timers: PosixTimers,
        specs: TimeSpecs,
        copy: UserCopy,
    ) -> None:
        self.processes = processes
        self.timers = timers
        self.specs = specs
        self.copy = copy

    # Making

    @function(context="thread", sleeps=True)
    def timer_create(
        self, clock: Keep[Untrusted[U32]], event: Keep[User[U8]], target: Keep[User[U8]]
    ) -> OrErrno[I64]:
        """Make a timer that goes by `clock` and does what is at `event` when it expires; by default
        it sends SIGALRM. Store its number at `target`."""
        wanted = local(SignalEvent)
        with if_(u64(event) != 0):
            self.copy.copy_in_all(address_of(wanted), event, offsetof(SignalEvent, "has_value"))
            mov(wanted.has_value, 1)
        with else_():
            mov(wanted.signal, Signal.SIGALRM)
            mov(wanted.notification, Notification.SIGNAL)
            mov(wanted.value, 0)
            mov(wanted.has_value, 0)
        number = try_(self._make(clock, address_of(wanted)))
        ret(self._tell(u32(number), target))

    @function(context="thread")
    def _make(self, clock: Keep[U32], event: Keep[Ptr[SignalEvent]]) -> OrErrno[I64]:
        """Make a timer that goes by `clock` and does what `event` tells. Returns its number or an
        error."""
        request, group = (
            local(TimerRequest),
            keep(address_of(self.processes.current_process().signals)),
        )
        timer = keep(try_(self.timers.allocate(group), Errno.EAGAIN))
        errdefer(self.timers.discard, group, timer)
        try_(self._choose_clock(timer, clock, address_of(request)))
        try_(self._choose_event(timer, event, address_of(request)))
        number = try_(self.timers.add(group, timer, address_of(request)))
        disown(timer, "the group has it")
        ret(number)

    @function(context="thread", sleeps=True)
    def _tell(self, number: Keep[U32], target: User[U8]) -> OrErrno[I64]:
        """Store the `number` of a new timer at `target`. Returns 0; or -EFAULT, and the timer is
        gone."""
        result = keep(self.copy.copy_out_word(target, number))
        with if_(result != 0):
            ignore(self.timer_delete(number), "it is there")
        ret(result)

    @function(context="thread")
    def _choose_clock(
        self,
        timer: Keep[Ptr[SignalTimer]],
        clock: Keep[Untrusted[U32]],
        request: Keep[Ptr[TimerRequest]],
    ) -> OrErrno[I64]:
        """Have `timer` go by `clock`. Returns 0, -EINVAL or -EOPNOTSUPP."""
        base = keep(U32)
        mov(base, TimeBase.BOOT)
        mov(request.measured, 0)
        for one in NOT_FOR_TIMERS:
            fail_if(clock == one, Errno.EOPNOTSUPP)
        with if_(clock == ClockId.REALTIME):
            mov(timer.day, DayBase.DAY)
        with elif_(clock == ClockId.TAI):
            mov(timer.day, DayBase.ATOMIC)
        with elif_((clock != ClockId.MONOTONIC) & (clock != ClockId.BOOT_TIME)):
            mov(base, u32(try_(self._processor_base(timer, clock, request))))
        process = self.processes.current_process()
        self.timers.timers.begin(timer, address_of(process.signals), base)
        with if_(timer.other != 0):
            timer.timer.prepare(address_of(self.timers.processor_timers.look_at_other))
        ret(0)

    @function(context="thread")
    def _processor_base(
        self, timer: Keep[Ptr[SignalTimer]], clock: Untrusted[U32], request: Keep[Ptr[TimerRequest]]
    ) -> OrErrno[I64]:
        """Return by what (`TimeBase`) a `timer` goes that goes by `clock`, one of processor time;
        -EINVAL if it is none; -EOPNOTSUPP for the time that the program of one thread alone
        runs."""
        clock, kind = scratch(clock), scratch(U32)
        with if_(clock == ClockId.PROCESS_CPU):
            mov(clock, OWN_PROCESS)
        with elif_(clock == ClockId.THREAD_CPU):
            mov(clock, OWN_THREAD)
        fail_if(i32(clock) >= 0, Errno.EINVAL)
        mov(kind, clock)
        and_(kind, KIND)
        fail_if(kind > ProcessorClockKind.SCHEDULED, Errno.EINVAL)
        task, owner = self.processes.current(), scratch(clock)
        sar(i32(owner), OWNER_SHIFT)
        not_(owner)
        with if_(clock & OF_THREAD):
            fail_if(kind == ProcessorClockKind.VIRTUAL, Errno.EOPNOTSUPP)
            with if_(owner == 0):
                mov(owner, task.number)
            mov(request.measured, owner)
            ret(TimeBase.THREAD)
        process = scratch(task.process)
        with if_((owner != 0) & (owner != process.number)):
            tail(self._other_base, timer, owner, kind)
        with if_(kind == ProcessorClockKind.VIRTUAL):
            ret(TimeBase.PROGRAM)
        ret(TimeBase.PROCESS)

    @function(context="thread")
    def _other_base(
        self, timer: Keep[Ptr[SignalTimer]], number: U32, kind: Keep[U32]
    ) -> OrErrno[I64]:
        """Have `timer` go by the processor time of the process `number`, of which `kind` tells
        what counts. Returns by what that is, or -EINVAL."""
        process = try_(self.processes.find(number), Errno.EINVAL)
        group = scratch(address_of(process.signals))
        mov(timer.other, group)
        disown(process, "the timer has it")
        with if_(kind == ProcessorClockKind.VIRTUAL):
            ret(TimeBase.OTHER_PROGRAM)
        ret(TimeBase.OTHER)

    @function(context="thread")
    def _choose_event(
        self,
        timer: Ptr[SignalTimer],
        event: Ptr[SignalEvent],
        request: Ptr[TimerRequest],
    ) -> OrErrno[I64]:
        """Have `timer` send what `event` tells. Returns 0 or -EINVAL."""
        mov(request.target, 0)
        mov(eax, event.has_value)
        mov(request.has_value, eax)
        mov(rax, event.value)
        mov(timer.signal.info.details.timer.value, rax)
        mov(timer.signal.info.code, SignalCode.SI_TIMER)
        kind = scratch(event.notification)
        with if_(kind == Notification.NONE):
            mov(timer.silent, 1)
            ret(0)
        with if_(kind == Notification.THREAD_ID):
            mov(eax, event.thread)
            fail_if(i32(eax) <= 0, Errno.EINVAL)
            mov(request.target, eax)
        with elif_(kind != Notification.THREAD):
            fail_if(kind != Notification.SIGNAL, Errno.EINVAL)
        mov(eax, event.signal)
        mov(timer.signal.info.number, eax)
        dec(eax)
        fail_if(eax >= SIGNALS, Errno.EINVAL)
        ret(0)

    # Setting

    @function(context="thread", sleeps=True)
    def timer_settime(
        self,
        number: Keep[U32],
        flags: Keep[U32],
        new: Keep[Fetched[User[U8]]],
        old: Keep[User[U8]],
    ) -> OrErrno[I64]:
        """Set the timer `number` as `new` has it; store how it was set in `old`, unless that is
        null."""
        setting = local(IntervalSetting)
        fail_if(u64(new) == 0, Errno.EINVAL)
        try_(self.specs.take(new, address_of(setting.interval)))
        add(u64(new), sizeof(TimeSpec))
        try_(self.specs.take(new, address_of(setting.left)))
        and_(flags, ABSOLUTE)
        process = self.processes.current_process()
        try_(self.timers.set(process, number, flags, address_of(setting)))
        with if_(u64(old) == 0):
            ret(0)
        ret(self._give(old, address_of(setting)))

    @function(context="thread", sleeps=True)
    def timer_gettime(self, number: U32, target: Keep[User[U8]]) -> OrErrno[I64]:
        """Store how the timer `number` is set."""
        setting = local(IntervalSetting)
        process = self.processes.current_process()
        try_(self.timers.get(process, number, address_of(setting)))
        ret(self._give(target, address_of(setting)))

    @function(context="thread", sleeps=True)
    def _give(self, target: Keep[User[U8]], setting: Keep[Ptr[IntervalSetting]]) -> OrErrno[I64]:
        """Store `setting` as a `struct itimerspec` at `target`. Returns 0 or -EFAULT."""
        try_(self.specs.give(target, u64(setting.interval), 1))
        add(u64(target), sizeof(TimeSpec))
        tail(self.specs.give, target, u64(setting.left), 1)

    @function(context="thread")
    def timer_getoverrun(self, number: U32) -> OrErrno[I64]:
        """Return how often the timer `number` expired between its last signal's being sent and
        taken."""
        process = self.processes.current_process()
        tail(self.timers.overruns, address_of(process.signals), number)

    @function(context="thread")
    def timer_delete(self, number: U32) -> OrErrno[I64]:
        """Delete the timer `number`."""
        process = self.processes.current_process()
        tail(self.timers.delete, address_of(process.signals), number)
