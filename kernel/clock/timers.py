"""Calls what is to be called at a time."""

from __future__ import annotations

from kernel.clock.clock import Clock
from kernel.clock.localtimer import LocalTimer
from kernel.clock.timer import Timer, TimerQueue
from kernel.cpu.percpu import PerCpu
from kernel.structures.tree import TreeNode, Trees
from pykasm import *


class Timers(Subsystem):
    """Each processor's queue of timers, from which its alarm is set for the next deadline.

    There is no periodic tick. A timer is armed on the processor that arms it, and its handler runs
    there. Arming and cancelling take O(log n); any context may do so, handlers too. Who arms a
    timer sees to it that nobody else arms or cancels it at that moment.
    """

    queue = percpu(TimerQueue)

    def __init__(self, per_cpu: PerCpu, clock: Clock, alarm: LocalTimer, trees: Trees) -> None:
        self.per_cpu = per_cpu
        self.clock = clock
        self.alarm = alarm
        self.trees = trees

    @function
    def arm(self, timer: Keep[Ptr[Timer]], deadline: Keep[U64]) -> None:
        """Have the handler of `timer` called when the clock has come to `deadline`, in nanoseconds.

        One that is armed already moves. A deadline in the past is met at once.
        """
        queue = keep(Ptr[TimerQueue])
        with if_(timer.armed != 0):
            ignore(self.cancel(timer))
        with self.queue.lock.held():
            self.per_cpu.point_at(u64(queue), self.queue)
            self.enter(queue, timer, deadline)
            lea(rax, timer.node)
            with if_(queue.timers.first == rax):
                self.alarm.set(deadline)

    @function
    def enter(self, queue: Ptr[TimerQueue], timer: Ptr[Timer], deadline: U64) -> None:
        """Put `timer` into `queue`, whose lock is held."""
        mov(timer.node.key, deadline)
        mov(timer.queue, queue)
        mov(timer.armed, 1)
        inc(queue.count)
        lea(rdi, queue.timers)
        lea(rsi, timer.node)
        tail(self.trees.insert, rdi, rsi)

    @function
    def leave(self, queue: Ptr[TimerQueue], timer: Ptr[Timer]) -> None:
        """Take `timer`, which is armed, out of `queue`, whose lock is held."""
        mov(timer.armed, 0)
        dec(queue.count)
        lea(rdi, queue.timers)
        lea(rsi, timer.node)
        tail(self.trees.remove, rdi, rsi)

    @function
    def cancel(self, timer: Keep[Ptr[Timer]]) -> U32:
        """Disarm `timer`: 1 if its handler will not be called; 0 if it was not armed, or if the
        handler has been called, and may be running still on another processor."""
        queue, outcome = keep(Ptr[TimerQueue]), keep(U32)
        with loop():
            mov(queue, timer.queue)
            with if_(queue == 0):
                ret(0)
            with queue.lock.held():
                xor(outcome, outcome)
                with if_((timer.queue == queue) & (timer.armed != 0)):
                    self.leave(queue, timer)
                    inc(outcome)
            # The handler may have armed it again, on its own processor, before the lock was ours.
            break_if(timer.queue == queue)
        ret(outcome)

    @function
    def cancel_and_wait(self, timer: Keep[Ptr[Timer]]) -> U32:
        """As `cancel`, but nothing uses `timer` any more when this returns.

        Context: any but the timer's own handler; no lock may be held that the handler takes.
        """
        outcome = keep(U32)
        xor(outcome, outcome)
        with loop():
            or_(outcome, self.cancel(timer))
            queue = scratch(timer.queue)
            break_if(queue == 0)
            with while_(queue.running == timer):
                pause()
            break_if(timer.armed == 0)  # or the handler has armed it meanwhile
        ret(outcome)

    @function(context="interrupt")
    def expire(self, argument: U64) -> None:
        """Call the handlers of all timers that are due on this processor: its alarm went off.

        Those that become due meanwhile make it go off again.
        """
        queue, timer, now = keep(Ptr[TimerQueue]), keep(Ptr[Timer]), keep(self.clock.now())
        self.per_cpu.point_at(u64(queue), self.queue)
        with loop():
            mov(timer, self.take_due(queue, now))
            break_if(timer == 0)
            timer.handler(timer)
            mov(queue.running, 0)

    @function
    def take_due(self, queue: Keep[Ptr[TimerQueue]], now: Keep[U64]) -> Ptr[Timer]:
        """Disarm the first timer of this processor's `queue`, if it is due, and note that its
        handler runs. If none is due, set the alarm for the next one, and return null."""
        due = keep(Ptr[Timer])
        first = cast(due, Ptr[TreeNode])
        with queue.lock.held_interrupts_off():
            mov(first, queue.timers.first)
            with if_(first != 0):
                with if_(first.key > now):
                    self.alarm.set(first.key)
                    xor(first, first)
                with else_():
                    mov(queue.running, due)
                    self.leave(queue, due)
        ret(due)
