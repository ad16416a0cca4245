"""Timers of programs."""

from __future__ import annotations

from kernel.clock.clock import Clock
from kernel.clock.timer import Timer
from kernel.clock.timers import Timers
from kernel.clock.units import Nanoseconds
from kernel.signals.signalgroup import SignalGroup
from kernel.signals.signalqueues import SignalQueues
from kernel.signals.signals import Signals
from kernel.signals.signaltarget import SignalTarget
from kernel.signals.signaltimer import SignalTimer
from kernel.signals.timerdeadlines import TimerDeadlines
from kernel.structures.tree import Trees
from pykasm import *


class SignalTimers(Subsystem):
    """Sends the signals of `SignalTimer`s, and tells how much time is left. Their records are zero
    at first."""

    def __init__(
        self,
        clock: Clock,
        timers: Timers,
        deadlines: TimerDeadlines,
        queues: SignalQueues,
        signals: Signals,
        trees: Trees,
    ) -> None:
        self.trees = trees
        self.clock = clock
        self.queues = queues
        self.timers = timers
        self.deadlines = deadlines
        self.signals = signals

    @function
    def begin(self, timer: Ptr[SignalTimer], group: Ptr[SignalGroup], base: U32) -> None:
        """Make `timer` one of the process of `group`, which goes by `base` (`TimeBase`)."""
        mov(timer.group, group)
        mov(timer.base, base)
        mov(timer.signal.of_timer, 1)
        timer.timer.prepare(address_of(self.expire))

    @function(context="interrupts off", holds="group.lock")
    def set(
        self,
        group: Keep[Ptr[SignalGroup]],
        timer: Keep[Ptr[SignalTimer]],
        deadline: Keep[Nanoseconds],
        interval: Keep[Nanoseconds],
    ) -> None:
        """Have `timer` expire at `deadline`, and then after each `interval`, if that is not 0;
        never, if `deadline` is 0. A signal that it has sent stays."""
        self.deadlines.stop(timer)
        mov(timer.interval, interval)
        mov(timer.overrun, 0)
        mov(timer.last_overrun, 0)
        with if_(deadline != 0):
            tail(self.deadlines.start, group, timer, deadline)

    @function(context="interrupts off", holds="SignalGroup.lock")
    def left(self, timer: Keep[Ptr[SignalTimer]], now: Keep[Nanoseconds]) -> Nanoseconds:
        """Return how long it takes from `now` on, in the time that `timer` goes by, until it
        expires; 0 if it does not run. It is 1 if it should have expired already."""
        with if_(timer.deadline == 0):
            ret(0)
        with if_(timer.interval != 0), if_((timer.rests != 0) | (timer.silent != 0)):
            self._catch_up(timer, now)
        mov(rax, timer.deadline)
        sub(rax, now)
        with if_(CF | ZF):
            mov(eax, 1)
        with if_((timer.silent != 0) & (timer.deadline <= now)):
            xor(eax, eax)
        ret(rax)

    @function(context="interrupts off", holds="SignalGroup.lock")
    def _catch_up(self, timer: Keep[Ptr[SignalTimer]], now: Keep[Nanoseconds]) -> None:
        """Move the deadline of `timer`, which does not go on by itself, behind `now`."""
        with if_(timer.deadline <= now):
            add(timer.overrun, self.deadlines.forward(timer, now))
            mov(timer.rests, 0)
            with if_(timer.silent == 0):
                self.timers.arm(address_of(timer.timer), timer.deadline)

    # Expiring

    @function(context="interrupt")
    def expire(self, timer: Ptr[Timer]) -> None:
        """Send the signal of the `SignalTimer` that `timer` is part of, unless it was set or
        stopped at this moment."""
        late = keep(container_of(timer, SignalTimer, "timer"))
        group = keep(late.group)
        with (
            group.lock.held_interrupts_off(),
            if_((late.deadline != 0) & (late.rests == 0)),
            if_(self.clock.now() >= late.deadline),
        ):
            self._expire(group, late)

    @function(context="interrupts off", holds="group.lock")
    def _expire(self, group: Keep[Ptr[SignalGroup]], timer: Keep[Ptr[SignalTimer]]) -> None:
        """Send the signal of `timer`, which has expired, and go on as it is set."""
        sent = keep(self._send(group, timer))
        with if_((timer.interval == 0) | (group.count == 0)):
            mov(timer.deadline, 0)
            ret()
        with if_(sent):
            mov(timer.rests, 1)
            ret()
        tail(self.deadlines.pause, timer)

    @function(context="interrupts off", holds="group.lock")
    def _send(self, group: Keep[Ptr[SignalGroup]], timer: Keep[Ptr[SignalTimer]]) -> Bool:
        """Send the signal of `timer`. Returns whether it is in a queue then."""
        with if_(timer.queued != 0):
            inc(timer.overrun)
            ret(True)
        with if_((timer.is_for_thread != 0) & (timer.target == 0)):
            ret(False)
        mov(timer.overrun, 0)
        sent = keep(self.signals.send_of_timer(group, timer.target, address_of(timer.signal)))
        mov(timer.queued, u32(sent))
        ret(sent)

    # Processor time

    @function(context="interrupts off", holds="group.lock")
    def look(
        self,
        group: Keep[Ptr[SignalGroup]],
        timer: Keep[Ptr[SignalTimer]],
        now: Keep[Nanoseconds],
    ) -> None:
        """Send the signal of `timer`, which runs by processor time, if it has expired by `now`, and
        go on as it is set."""
        with if_(timer.deadline > now):
            ret()
        ignore(self._send(group, timer), "all that can be done is done")
        with if_(timer.interval == 0):
            tail(self.deadlines.stop, timer)
        passed = self.deadlines.forward(timer, now)
        add(timer.overrun, passed)

    # The end

    @function(context="interrupts off", holds="group.lock")
    def leave(self, group: Keep[Ptr[SignalGroup]], target: Keep[Ptr[SignalTarget]]) -> None:
        """Have no timer of `group` lead to `target`, a thread that ends."""
        node = keep(group.timers.first)
        with while_(node != 0):
            place = scratch(node)
            timer = container_of(place, SignalTimer, "node")
            with if_(timer.target == target):
                mov(timer.target, 0)
            with if_(timer.measured == target):
                mov(timer.measured, 0)
            release(timer)
            mov(node, self.trees.next(node))

    @function(context="thread")
    def end(self, timer: Keep[Ptr[SignalTimer]]) -> None:
        """Stop `timer`, with what it has sent, so that nothing uses it any more. Nobody sets it
        again."""
        group = keep(timer.group)
        with if_(group == 0):
            ret()  # it has not begun
        with group.lock.held():
            self.deadlines.stop(timer)
            with if_(timer.queued != 0):
                self._recall(group, timer)
        ignore(self.timers.cancel_and_wait(address_of(timer.timer)), "it is not armed")

    @function(context="interrupts off", holds="group.lock")
    def _recall(self, group: Ptr[SignalGroup], timer: Ptr[SignalTimer]) -> None:
        """Take the signal of `timer` out of its queue."""
        pending, target = scratch(address_of(group.pending)), scratch(timer.target)
        with if_(target != 0):
            lea(pending, target.pending)
        mov(timer.queued, 0)
        tail(self.queues.recall, pending, address_of(timer.signal))
