"""Timers that go by the processor time of programs, and its limit."""

from __future__ import annotations

from kernel.clock.timer import Timer
from kernel.clock.timers import Timers
from kernel.clock.units import NSEC_PER_SEC, Nanoseconds
from kernel.process.limits import Resource
from kernel.process.process import Process, ProcessState
from kernel.process.processtimes import ProcessTimes
from kernel.process.task import Task
from kernel.sched.runtimes import RunTimes
from kernel.signals.signalgroup import SignalGroup
from kernel.signals.signalinfo import SignalInfo
from kernel.signals.signalnumber import Signal, SignalCode
from kernel.signals.signals import Signals
from kernel.signals.signaltimer import SignalTimer, TimeBase
from kernel.signals.signaltimers import SignalTimers
from pykasm import *


class ProcessTimers(Subsystem):
    """Looks at each tick that meets a program what its processor time has come to. Context:
    thread."""

    def __init__(
        self, times: ProcessTimes, timers: SignalTimers, signals: Signals, clocks: Timers
    ) -> None:
        self.times = times
        self.clocks = clocks
        self.timers = timers
        self.signals = signals

    @function(context="thread")
    def tick(self, task: Keep[Ptr[Task]]) -> None:
        """Look for the process of `task`, the one that runs."""
        times, process = local(RunTimes), keep(task.process)
        group = keep(address_of(process.signals))
        mov(rcx, process.limits[Resource.CPU].soft)
        and_(rcx, process.limits[Resource.CPU].hard)
        inc(rcx)  # 0 if both are infinite
        with if_(group.running_timers.is_empty() & (rcx == 0)):
            ret()
        self.times.read(process, address_of(times))
        self._limit(process, times.total)
        with (
            group.lock.held(),
            group.running_timers.each_removable(SignalTimer, "link") as timer,
        ):
            self.timers.look(group, timer, self.time_of(timer, address_of(times)))

    @function(context="interrupt")
    def look_at_other(self, timer: Ptr[Timer]) -> None:
        """Send the signal of the `SignalTimer` that `timer` is part of, which goes by the processor
        time of another process, if it has expired; and look again when it may have."""
        times, late = local(RunTimes), keep(container_of(timer, SignalTimer, "timer"))
        group, other = keep(late.group), scratch(late.other)
        asserts(other != 0)  # the timer began so
        process = keep(container_of(other, Process, "signals"))
        # Before the lock of signals, as this takes that of the process
        self.times.read(process, address_of(times))
        with group.lock.held_interrupts_off(), if_(late.deadline != 0):
            shown = keep(self.time_of(late, address_of(times)))
            self.timers.look(group, late, shown)
            # One that has ended runs no further
            with if_((late.deadline != 0) & (process.state == ProcessState.ALIVE)):
                self.clocks.arm(address_of(late.timer), self.times.next_look(late.deadline, shown))

    @function(holds="SignalGroup.lock")
    def time_of(self, timer: Ptr[SignalTimer], times: Ptr[RunTimes]) -> Nanoseconds:
        """Return the time that `timer` goes by, where its process has run for `times`."""
        base = scratch(timer.base)
        with if_((base == TimeBase.PROCESS) | (base == TimeBase.OTHER)):
            ret(times.total)
        with if_((base == TimeBase.PROGRAM) | (base == TimeBase.OTHER_PROGRAM)):
            ret(times.user)
        measured = scratch(timer.measured)
        with if_(measured == 0):
            ret(0)  # it goes no further
        tail(self.times.of_thread, cast(measured, Ptr[Task]))

    @function(context="thread")
    def _limit(self, process: Keep[Ptr[Process]], time: Nanoseconds) -> None:
        """Tell `process`, which has run for `time`, that this is more than it may, if so; end it,
        if it is more than it may be told (setrlimit(2), RLIMIT_CPU)."""
        limit, seconds, number = process.limits[Resource.CPU], keep(U64), keep(U32)
        mov(rax, time)
        xor(edx, edx)
        mov(ecx, NSEC_PER_SEC)
        div(rcx)
        mov(seconds, rax)
        xor(number, number)
        with process.lock.held():
            with if_(seconds >= limit.hard):
                mov(number, Signal.SIGKILL)
            with elif_(seconds >= limit.soft):
                inc(limit.soft)  # it is told again after a second
                mov(number, Signal.SIGXCPU)
        with if_(number != 0):
            self._send(address_of(process.signals), number)

    @function(context="thread")
    def _send(self, group: Keep[Ptr[SignalGroup]], number: Keep[U32]) -> None:
        """Send the signal `number`."""
        info = local(SignalInfo)
        info.clear()
        mov(info.number, number)
        mov(info.code, SignalCode.SI_KERNEL)
        ignore(self.signals.send(group, address_of(info)), "such a signal is not queued")
