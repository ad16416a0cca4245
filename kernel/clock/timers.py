"""Call functions at given times."""

from __future__ import annotations

from kernel.clock.clock import Clock
from kernel.clock.localtimer import LocalTimer
from kernel.clock.timer import Timer, TimerQueue
from kernel.clock.units import Nanoseconds
from kernel.cpu.percpu import PerCpu
from kernel.structures.tree import Trees
from pykasm import *


class Timers(Subsystem):
    """Queues of timers, one on each processor, whose local timer is set for the next deadline.

    There is no periodic tick. A timer is queued on the processor that arms it, and its handler runs
    there. Arming and cancelling take O(log n). Context: any, handlers included; the owner of a
    timer serializes arming it with arming and cancelling it elsewhere.
    """

    queue = percpu(TimerQueue)

    def __init__(
        self, per_cpu: PerCpu, clock: Clock, local_timer: LocalTimer, trees: Trees
    ) -> None:
        self.per_cpu = per_cpu
        self.clock = clock
        self.local_timer = local_timer
        self.trees = trees

    @function
    def arm(self, timer: Keep[Ptr[Timer]], deadline: Keep[Nanoseconds]) -> None:
        """Call the handler of `timer` when the clock reaches `deadline`, in nanoseconds.

        A timer that is armed already gets the new deadline. One in the past expires at once.
        """
        queue = keep(Ptr[TimerQueue])
        with if_(timer.armed != 0):
            ignore(self.cancel(timer))
        with self.queue.lock.held():
            self.per_cpu.point_at(u64(queue), self.queue)
            self._enqueue(queue, timer, deadline)
            lea(rax, timer.node)
            with if_(queue.timers.first == rax):  # else the local timer is set for an earlier one
                self.local_timer.set(deadline)

    @function(holds="queue.lock")
    def _enqueue(self, queue: Ptr[TimerQueue], timer: Ptr[Timer], deadline: Nanoseconds) -> None:
        """Insert `timer` into `queue`."""
        mov(timer.node.key, deadline)
        mov(timer.queue, queue)
        mov(timer.armed, 1)
        inc(queue.count)
        tail(self.trees.insert, address_of(queue.timers), address_of(timer.node))

    @function(holds="queue.lock")
    def _dequeue(self, queue: Ptr[TimerQueue], timer: Ptr[Timer]) -> None:
        """Remove `timer`, which is armed, from `queue`."""
        mov(timer.armed, 0)
        dec(queue.count)
        tail(self.trees.remove, address_of(queue.timers), address_of(timer.node))

    @function
    def cancel(self, timer: Keep[Ptr[Timer]]) -> Bool:
        """Disarm `timer`, and return whether it was armed, so that its handler won't be called.

        If it was not armed, its handler may still be running on another processor.
        """
        queue, outcome = keep(Ptr[TimerQueue]), keep(Bool)
        with loop():
            mov(queue, timer.queue)
            with if_(queue == 0):
                ret(False)
            with queue.lock.held():
                xor(outcome, outcome)
                # Only under its queue's lock is it certain which queue it is in.
                with if_((timer.queue == queue) & (timer.armed != 0)):
                    self._dequeue(queue, timer)
                    inc(outcome)
            # Before the lock was held, the handler may have armed it again, on another processor.
            break_if(timer.queue == queue)
        ret(outcome)

    @function
    def cancel_and_wait(self, timer: Keep[Ptr[Timer]]) -> Bool:
        """Disarm `timer`, wait until its handler does not run, and return whether it was armed.

        Afterwards nothing uses `timer`. Context: any but the timer's own handler; no lock may be
        held that the handler takes.
        """
        outcome = keep(Bool)
        xor(outcome, outcome)
        with loop():
            or_(outcome, self.cancel(timer))
            queue = scratch(timer.queue)
            break_if(queue == 0)
            with while_(queue.running == timer):
                pause()
            break_if(timer.armed == 0)  # the handler may have armed it meanwhile
        ret(outcome)

    @function(context="interrupt")
    def expire(self, argument: U64) -> None:
        """Handle this processor's timer interrupt: call the handlers of all timers that are due.

        Timers that become due meanwhile raise another interrupt.
        """
        queue, timer, now = keep(Ptr[TimerQueue]), keep(Ptr[Timer]), keep(self.clock.now())
        self.per_cpu.point_at(u64(queue), self.queue)
        with loop():
            mov(timer, self._dequeue_expired(queue, now))
            break_if(timer == 0)
            timer.handler(timer)
            mov(queue.running, 0)  # only now: `cancel_and_wait` polls it without the lock

    @function
    def _dequeue_expired(self, queue: Keep[Ptr[TimerQueue]], now: Keep[Nanoseconds]) -> Ptr[Timer]:
        """Disarm and return the first timer of this processor's `queue`, if it is due at `now`.

        It is noted as running. If none is due, set the local timer for the next one and return
        null.
        """
        due = keep(Ptr[Timer])
        with queue.lock.held_interrupts_off():
            mov(due, container_of(scratch(queue.timers.first), Timer, "node"))
            with if_(due != 0):
                with if_(due.node.key > now):
                    self.local_timer.set(due.node.key)
                    xor(due, due)
                with else_():
                    mov(queue.running, due)
                    self._dequeue(queue, due)
        ret(due)
