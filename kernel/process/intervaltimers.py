"""The timers that each process has."""

from __future__ import annotations

from kernel.clock.clock import Clock
from kernel.clock.units import Nanoseconds
from kernel.process.process import IntervalKind, Process
from kernel.process.processtimes import ProcessTimes
from kernel.sched.runtimes import RunTimes
from kernel.signals.signalnumber import Signal, SignalCode
from kernel.signals.signaltimer import SignalTimer, TimeBase
from kernel.signals.signaltimers import SignalTimers
from pykasm import *

SIGNALS = (
    (IntervalKind.REAL, Signal.SIGALRM, TimeBase.BOOT),
    (IntervalKind.VIRTUAL, Signal.SIGVTALRM, TimeBase.PROGRAM),
    (IntervalKind.PROFILE, Signal.SIGPROF, TimeBase.PROCESS),
)
"""What they send, and what they go by (getitimer(2))."""


class IntervalSetting(Struct):
    """How a timer is set."""

    interval: Nanoseconds
    """From one time that it expires to the next; 0 for once."""
    left: Nanoseconds
    """Until it expires; 0 if it does not run."""


class IntervalTimers(Subsystem):
    """Sets them, and tells how they are set. Context: thread."""

    def __init__(self, clock: Clock, times: ProcessTimes, timers: SignalTimers) -> None:
        self.clock = clock
        self.times = times
        self.timers = timers

    @function(context="thread")
    def get(
        self, process: Keep[Ptr[Process]], kind: Keep[U32], setting: Keep[Ptr[IntervalSetting]]
    ) -> None:
        """Fill in `setting` with how the timer `kind` of `process`, the one that runs, is set."""
        timer, now = keep(Ptr[SignalTimer]), keep(self._now(process, kind))
        point_at(timer, process.interval_timers, kind)
        release(kind)
        group = keep(address_of(process.signals))
        with group.lock.held():
            self._describe(timer, now, setting)

    @function(context="thread")
    def set(
        self, process: Keep[Ptr[Process]], kind: Keep[U32], setting: Keep[Ptr[IntervalSetting]]
    ) -> None:
        """Set the timer `kind` of `process`, the one that runs, to `setting`, and fill that in with
        how it was set."""
        timer, now = keep(self._begun(process, kind)), keep(self._now(process, kind))
        release(process, kind)
        group = keep(timer.group)
        interval, deadline = local(Nanoseconds), local(Nanoseconds)
        mov(rax, setting.interval)
        mov(rcx, setting.left)
        with if_(rcx == 0):
            xor(eax, eax)
        with else_():
            add(rcx, now)
        mov(interval, rax)
        mov(deadline, rcx)
        with group.lock.held():
            self._describe(timer, now, setting)
            self.timers.set(group, timer, deadline, interval)

    @function(context="thread")
    def _now(self, process: Ptr[Process], kind: Keep[U32]) -> Nanoseconds:
        """Return the time that the timer `kind` of `process` goes by."""
        times = local(RunTimes)
        with if_(kind == IntervalKind.REAL):
            tail(self.clock.now)
        self.times.read(process, address_of(times))
        with if_(kind == IntervalKind.VIRTUAL):
            ret(times.user)
        ret(times.total)

    @function(context="thread")
    def _begun(self, process: Ptr[Process], kind: Keep[U32]) -> Ptr[SignalTimer]:
        """Return the timer `kind` of `process`, which begins if it was never set."""
        group, timer = keep(address_of(process.signals)), keep(Ptr[SignalTimer])
        point_at(timer, process.interval_timers, kind)
        with group.lock.held(), if_(timer.group == 0):
            for one, number, base in SIGNALS:
                with if_(kind == one):
                    mov(timer.signal.info.number, number)
                    self.timers.begin(timer, group, base)
            mov(timer.signal.info.code, SignalCode.SI_KERNEL)
        ret(timer)

    @function(context="interrupts off", holds="SignalGroup.lock")
    def _describe(
        self, timer: Keep[Ptr[SignalTimer]], now: Nanoseconds, setting: Keep[Ptr[IntervalSetting]]
    ) -> None:
        """Fill in `setting` with how `timer` is set `now`."""
        mov(setting.left, self.timers.left(timer, now))
        mov(rax, timer.interval)
        with if_(timer.deadline == 0):
            xor(eax, eax)
        mov(setting.interval, rax)

    @function(context="thread")
    def end(self, process: Keep[Ptr[Process]]) -> None:
        """Stop those of `process`, whose last thread ends."""
        for kind in IntervalKind:
            self.timers.end(address_of(process.interval_timers[kind]))
