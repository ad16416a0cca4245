"""Sending signals."""

from __future__ import annotations

from kernel.errno import Errno
from kernel.sched.scheduler import Scheduler
from kernel.sched.thread import Interruption
from kernel.sched.waiting import Waiting
from kernel.signals.pendingsignals import QueuedSignal
from kernel.signals.signalactions import Disposition
from kernel.signals.signalactionstore import SignalActionStore
from kernel.signals.signalarrivals import SignalArrivals
from kernel.signals.signalgroup import SignalGroup
from kernel.signals.signalinfo import SignalInfo
from kernel.signals.signalnumber import Signal, SignalCode
from kernel.signals.signalqueues import SignalQueues
from kernel.signals.signalset import (
    DUMPING,
    FIRST_REALTIME,
    IGNORED_BY_DEFAULT,
    STOPPING,
    bit_of,
    set_of,
)
from kernel.signals.signaltarget import SignalTarget
from pykasm import *


class Signals(Subsystem):
    """Sends signals to processes and to their threads. Context: any.

    A signal stays pending until a thread that does not block it takes it on its way to its
    program; `Interruption.SIGNAL` leads it there. Where a thread has that, it will look for
    everything that it may take.
    """

    def __init__(
        self,
        scheduler: Scheduler,
        waiting: Waiting,
        queues: SignalQueues,
        actions: SignalActionStore,
        arrivals: SignalArrivals,
    ) -> None:
        self.scheduler = scheduler
        self.waiting = waiting
        self.queues = queues
        self.actions = actions
        self.arrivals = arrivals

    # Sending

    @function(context="any")
    def send(self, group: Keep[Ptr[SignalGroup]], info: Keep[Ptr[SignalInfo]]) -> OrErrno[I32]:
        """Send the signal of `info` to a process, whose record somebody keeps. Returns 0; -EAGAIN
        if it should be queued, and there is no room."""
        result = keep(I32)
        with group.lock.held():
            mov(result, self._send(group, 0, info))
        self.scheduler.preempt_if_due()
        ret(result)

    @function(context="any")
    def send_to_thread(
        self, target: Keep[Ptr[SignalTarget]], info: Keep[Ptr[SignalInfo]]
    ) -> OrErrno[I32]:
        """Send the signal of `info` to a thread, as `send` does."""
        result, group = keep(I32), keep(target.group)
        with group.lock.held():
            mov(result, self._send(group, target, info))
        self.scheduler.preempt_if_due()
        ret(result)

    @function(context="interrupts off", holds="group.lock")
    def _send(
        self,
        group: Keep[Ptr[SignalGroup]],
        target: Keep[OrNull[Ptr[SignalTarget]]],
        info: Keep[Ptr[SignalInfo]],
    ) -> OrErrno[I32]:
        """Send the signal of `info` to `target`, or where that is null to the whole `group`."""
        with if_(~self._is_wanted(group, target, info.number)):
            ret(0)
        pending = keep(address_of(group.pending))
        with if_(target != 0):
            lea(pending, target.pending)
        # One of the old signals is pending once, however often it is sent (signal(7))
        with if_(info.number < FIRST_REALTIME), if_(pending.set & bit_of(info.number)):
            ret(0)
        # Without a record for what belongs to it, a signal may be pending still; only who has
        # queued one of the new kind is told, as it would not be the one that was sent
        with if_(~self.queues.add(group, pending, info)):
            fail_if(
                (info.number >= FIRST_REALTIME) & (info.code != SignalCode.SI_USER), Errno.EAGAIN
            )
        or_(pending.set, bit_of(info.number))
        self.arrivals.announce(group)
        self._wake(group, target, info.number)
        ret(0)

    @function(context="interrupts off", holds="group.lock")
    def _is_wanted(
        self,
        group: Keep[Ptr[SignalGroup]],
        target: Keep[OrNull[Ptr[SignalTarget]]],
        number: Keep[U32],
    ) -> Bool:
        """Do what the signal `number` does as soon as it is sent, and return whether it should be
        pending then."""
        with if_((group.count == 0) | (group.deadly != 0)):
            dumper = scratch(group.dumper)
            with if_((number == Signal.SIGKILL) & (dumper != 0)):
                mov(group.deadly, Signal.SIGKILL)
                self.waiting.interrupt(dumper, Interruption.KILL)
            ret(False)  # it ends
        with if_(target != 0), if_(target.has_left != 0):
            ret(False)
        with if_(number == Signal.SIGKILL):
            with if_(group.protected == 0):
                self.end(group, Signal.SIGKILL)
            ret(False)
        self._cancel(group, number)
        # Also where the signal is ignored or blocked
        ret(~self._is_ignored(group, target, number))

    @function(context="interrupts off", holds="group.lock")
    def send_of_timer(
        self,
        group: Keep[Ptr[SignalGroup]],
        target: Keep[OrNull[Ptr[SignalTarget]]],
        signal: Keep[Ptr[QueuedSignal]],
    ) -> Bool:
        """Send `signal`, a part of a timer, to `target`, or where that is null to the whole
        `group`. Returns whether it is in a queue now."""
        with if_(~self._is_wanted(group, target, signal.info.number)):
            ret(False)
        pending = keep(address_of(group.pending))
        with if_(target != 0):
            lea(pending, target.pending)
        bit = bit_of(signal.info.number)
        with if_((signal.info.code != SignalCode.SI_TIMER) & (pending.set & bit)):
            ret(False)
        or_(pending.set, bit)
        link = scratch(address_of(signal.link))
        pending.queue.append(link)
        release(link)
        self.arrivals.announce(group)
        self._wake(group, target, signal.info.number)
        ret(True)

    @function(context="interrupts off", holds="group.lock")
    def end(self, group: Keep[Ptr[SignalGroup]], number: U32) -> None:
        """Have all members end, because of the signal `number`."""
        mov(group.deadly, number)
        with group.members.each(SignalTarget, "member") as target:
            self.waiting.interrupt(target.thread, Interruption.KILL)

    @function(context="interrupts off", holds="group.lock")
    def end_with_dump(
        self, group: Keep[Ptr[SignalGroup]], target: Keep[Ptr[SignalTarget]], number: U32
    ) -> None:
        """Have all members end, because of the signal `number`; but `target`, the thread that runs,
        is to leave the memory of the process in a file first. Only SIGKILL ends that."""
        mov(group.deadly, number)
        thread = scratch(target.thread)
        mov(group.dumper, thread)
        self.waiting.note(thread, Interruption.DUMP)
        release(thread)
        with group.members.each(SignalTarget, "member") as other, if_(other != target):
            self.waiting.interrupt(other.thread, Interruption.KILL)

    @function(holds="group.lock")
    def _is_ignored(
        self, group: Keep[Ptr[SignalGroup]], target: OrNull[Ptr[SignalTarget]], number: Keep[U32]
    ) -> Bool:
        """Return whether the signal `number` is forgotten at once. What is blocked is not: there
        may be a handler by the time that it is not any more."""
        # Sent to the whole group, it counts as blocked if the first thread blocks it, as on Linux
        first = container_of(scratch(group.members.next), SignalTarget, "member")
        with if_(target != 0):
            mov(first, target)
        with if_(first.mask & bit_of(number)):
            ret(False)
        handler = self.actions.handler_of(group.actions, number)
        with if_(handler == Disposition.IGNORE):
            ret(True)
        with if_(handler != Disposition.DEFAULT):
            ret(False)
        with if_(group.protected != 0):
            ret(True)
        ret(bit_of(number) & IGNORED_BY_DEFAULT)

    @function(context="any")
    def forget(self, group: Keep[Ptr[SignalGroup]], unwanted: Keep[U64]) -> None:
        """Take away the signals in the set `unwanted` from what is pending for a process and its
        threads: they are ignored from now on."""
        with group.lock.held():
            self._remove_everywhere(group, unwanted)

    # Stopping and going on

    @function(context="interrupts off", holds="group.lock")
    def _cancel(self, group: Keep[Ptr[SignalGroup]], number: U32) -> None:
        """Have a signal that stops, or SIGCONT, take away what is pending of the other kind,
        whatever comes of it (signal(7)). SIGCONT lets a process go on even if it is blocked."""
        with if_(number == Signal.SIGCONT):
            self._remove_everywhere(group, STOPPING)
            tail(self._resume, group)
        with if_(bit_of(number) & STOPPING):
            tail(self._remove_everywhere, group, set_of(Signal.SIGCONT))

    @function(holds="group.lock")
    def _remove_everywhere(self, group: Keep[Ptr[SignalGroup]], unwanted: Keep[U64]) -> None:
        """Take away the signals in the set `unwanted` from what is pending for the group and for
        each member."""
        self.queues.remove(group, address_of(group.pending), unwanted)
        with group.members.each(SignalTarget, "member") as target:
            self.queues.remove(group, address_of(target.pending), unwanted)

    @function(context="interrupts off", holds="group.lock")
    def stop(self, group: Ptr[SignalGroup], number: U32) -> None:
        """Have all members come to rest, because of the signal `number`."""
        mov(group.stop_signal, number)
        inc(group.stops)
        mov(eax, group.count)
        # So many have to come to rest before the parent is told
        mov(group.moving, eax)
        tail(self._interrupt_all, group)

    @function(context="interrupts off", holds="group.lock")
    def _resume(self, group: Keep[Ptr[SignalGroup]]) -> None:
        """Continue a group, if it was stopped. Its members look then what has come meanwhile."""
        with if_(group.stop_signal == 0):
            ret()
        mov(group.stop_signal, 0)
        inc(group.stops)
        with if_(group.moving == 0):
            # The parent is told that it goes on where it was told that it had stopped
            mov(group.goes_on, 1)
        with group.resumed.lock.held_interrupts_off():
            self.waiting.wake_all(address_of(group.resumed))
        tail(self._interrupt_all, group)

    @function(context="interrupts off", holds="group.lock")
    def _interrupt_all(self, group: Keep[Ptr[SignalGroup]]) -> None:
        """Have all members look what there is for them."""
        with group.members.each(SignalTarget, "member") as target:
            self.waiting.interrupt(target.thread, Interruption.SIGNAL)

    # Waking

    @function(context="interrupts off", holds="group.lock")
    def _wake(
        self,
        group: Keep[Ptr[SignalGroup]],
        target: OrNull[Ptr[SignalTarget]],
        number: Keep[U32],
    ) -> None:
        """Have a thread look for the signal `number`, which is pending: `target`, or if that is
        null one of the group's. What ends the program by default does that without a look.

        While the group is stopped it looks for nothing but SIGKILL."""
        with if_(group.stop_signal != 0):
            ret()
        chosen = keep(self._choose(group, target, number))
        with if_(chosen != 0):
            with if_(self._is_deadly(group, chosen, number)):
                tail(self.end, group, number)
            tail(self.waiting.interrupt, chosen.thread, Interruption.SIGNAL)

    @function(holds="group.lock")
    def _choose(
        self, group: Ptr[SignalGroup], target: OrNull[Ptr[SignalTarget]], number: U32
    ) -> OrNull[Ptr[SignalTarget]]:
        """Return `target`, or if that is null a member of the group, if it takes the signal
        `number` and is not about to look anyway; null if there is none."""
        wanted, one = scratch(bit_of(number)), scratch(target)
        with if_(one != 0):
            with if_(self._takes(one, wanted)):
                ret(one)
            ret(0)
        with group.members.each(SignalTarget, "member", place=scratch) as member:
            thread = scratch(member.thread)
            with if_(~(thread.pending & Interruption.SIGNAL) & self._takes(member, wanted)):
                ret(member)
            release(thread)
        ret(0)

    @inline(changes=rax)
    def _takes(self, target: Ptr[SignalTarget], wanted: U64) -> Condition:
        """Return the condition that `target` takes some signals of the set `wanted`."""
        mov(rax, target.awaited)
        not_(rax)
        and_(rax, target.mask)
        not_(rax)
        return (rax & wanted) != 0

    @function(holds="group.lock")
    def _is_deadly(
        self, group: Keep[Ptr[SignalGroup]], target: Keep[Ptr[SignalTarget]], number: Keep[U32]
    ) -> Bool:
        """Return whether `target` ends its process as soon as it takes the signal `number`. What it
        waits for does not, nor what it leaves the memory of the process in a file for first: it
        has to take that signal itself."""
        with if_((target.mask & bit_of(number)) | (group.protected != 0)):
            ret(False)
        with if_(self.actions.handler_of(group.actions, number) != Disposition.DEFAULT):
            ret(False)
        ret((bit_of(number) & (STOPPING | IGNORED_BY_DEFAULT | DUMPING)) == 0)
