"""When timers of programs expire."""

from __future__ import annotations

from kernel.clock.clock import Clock
from kernel.clock.timers import Timers
from kernel.clock.units import Nanoseconds
from kernel.signals.pendingsignals import QueuedSignal
from kernel.signals.signalgroup import SignalGroup
from kernel.signals.signalnumber import SignalCode
from kernel.signals.signaltimer import SignalTimer, TimeBase
from pykasm import *

MOST_OVERRUNS = (1 << 31) - 1
"""More than that is not told (timer_getoverrun(2))."""

REST = 5_000_000
"""Nanoseconds that a timer with an interval rests where nobody takes its signal: many such timers
would else leave the processor no time for anything else."""


class TimerDeadlines(Subsystem):
    """Starts and stops `SignalTimer`s. Context: interrupts off, with the lock of the group."""

    def __init__(self, clock: Clock, timers: Timers) -> None:
        self.clock = clock
        self.timers = timers

    @function(context="interrupts off", holds="group.lock")
    def start(
        self, group: Ptr[SignalGroup], timer: Ptr[SignalTimer], deadline: Nanoseconds
    ) -> None:
        """Have `timer`, which does not run, expire at `deadline`, in the time that it goes by."""
        mov(timer.deadline, deadline)
        with if_(timer.silent != 0):
            ret()
        with if_(timer.base >= TimeBase.PROCESS):
            link = scratch(address_of(timer.link))
            group.running_timers.append(link)
            ret()
        with if_(timer.base >= TimeBase.OTHER):
            # At once, to look when that may be
            tail(self.timers.arm, address_of(timer.timer), 1)
        tail(self.timers.arm, address_of(timer.timer), timer.deadline)

    @function(context="interrupts off", holds="SignalGroup.lock")
    def stop(self, timer: Keep[Ptr[SignalTimer]]) -> None:
        """Have `timer` not expire any more. A signal that it has sent stays."""
        with if_((timer.base >= TimeBase.PROCESS) & (timer.silent == 0)), if_(timer.deadline != 0):
            timer.link.unlink()
        with if_(timer.base < TimeBase.PROCESS):
            ignore(self.timers.cancel(address_of(timer.timer)), "it is all the same")
        mov(timer.deadline, 0)
        mov(timer.rests, 0)

    @function(context="interrupts off", holds="SignalGroup.lock")
    def forward(self, timer: Ptr[SignalTimer], now: Nanoseconds) -> U64:
        """Move the deadline of `timer`, which has an interval and has expired by `now`, to the
        first time after that. Returns how often it expired since the first of these times."""
        timer = scratch(timer)
        mov(rax, now)
        sub(rax, timer.deadline)
        xor(edx, edx)
        div(timer.interval)
        mov(rcx, rax)
        inc(rax)
        imul(rax, timer.interval)
        add(timer.deadline, rax)
        ret(rcx)

    @function(context="interrupts off", holds="SignalGroup.lock")
    def pause(self, timer: Keep[Ptr[SignalTimer]]) -> None:
        """Start `timer`, which has an interval and has expired, again, as nobody takes its signal:
        not soon."""
        now = scratch(self.clock.now())
        add(now, REST)
        ignore(self.forward(timer, now), "nobody wants to know")
        tail(self.timers.arm, address_of(timer.timer), timer.deadline)

    @function(context="interrupts off", holds="SignalGroup.lock")
    def settle(self, signal: Ptr[QueuedSignal]) -> None:
        """Note in `signal`, that of a timer, which leaves its queue, how often that has expired,
        and start the timer again if it rests."""
        timer = keep(container_of(signal, SignalTimer, "signal"))
        mov(timer.queued, 0)
        with if_(timer.rests != 0):
            mov(timer.rests, 0)
            add(timer.overrun, self.forward(timer, self.clock.now()))
            self.timers.arm(address_of(timer.timer), timer.deadline)
        mov(rax, MOST_OVERRUNS)
        with if_(timer.overrun < rax):
            mov(rax, timer.overrun)
        mov(timer.last_overrun, rax)
        mov(timer.overrun, 0)
        with if_(timer.signal.info.code == SignalCode.SI_TIMER):
            mov(timer.signal.info.details.timer.overrun, eax)
