"""Waiting no longer than until a given time."""

from __future__ import annotations

from kernel.clock.timer import Timer
from kernel.clock.timers import Timers
from kernel.errno import Errno
from kernel.locks.waitqueue import WaitQueue
from kernel.sched.thread import Thread
from kernel.sched.waiting import Waiting
from kernel.structures.list import container
from pykasm import *


class TimeLimit(Struct):
    """Until when a thread waits; on its stack."""

    timer: Timer
    thread: Ptr[Thread]
    queue: Ptr[WaitQueue]
    """Where it waits."""
    passed: U32
    """1 if it was taken out of there as the time had come."""


class TimeLimits(Subsystem):
    """Operations on `TimeLimit`.

    Who waits: `begin`s, does all as `Waiting` says but for calling `enqueue` of this, and asks for
    the `result` behind `Scheduler.block`. Whoever takes a thread out of its queue first, under the
    queue's lock, decides which result that is: what was given to a thread is never lost.
    """

    def __init__(self, timers: Timers, waiting: Waiting) -> None:
        self.timers = timers
        self.waiting = waiting
        self.scheduler = waiting.scheduler

    def begin(self, limit: TimeLimit) -> None:
        """Emit code that makes `limit` one that is not in use. Changes rax."""
        limit.timer.prepare(self.expire)
        mov(limit.passed, 0)

    @function
    def enqueue(self, queue: Ptr[WaitQueue], limit: Ptr[TimeLimit], deadline: U64) -> None:
        """As `Waiting.enqueue`, until the clock has come to `deadline`, in nanoseconds."""
        queue, limit, deadline = keep(queue), keep(limit), keep(deadline)
        self.waiting.enqueue(queue)
        mov(rax, self.scheduler.current)
        mov(limit.thread, rax)
        mov(limit.queue, queue)
        lea(rdi, limit.timer)
        tail(self.timers.arm, rdi, deadline)

    @function(context="thread")
    def result(self, limit: Ptr[TimeLimit]) -> I32:
        """0 if the thread did not have to wait, or was woken as usual; -ETIMEDOUT if the time came
        before. Nothing uses `limit`, or the queue for it, any more when this returns."""
        limit = keep(limit)
        lea(rdi, limit.timer)
        ignore(self.timers.cancel_and_wait(rdi))
        with if_(limit.passed != 0):
            ret(-Errno.ETIMEDOUT)
        ret(0)

    @function(context="interrupt")
    def expire(self, timer: Ptr[Timer]) -> None:
        """Take the thread out of its queue, if it is still there, and wake it."""
        limit = keep(container(timer, TimeLimit, "timer"))
        queue = keep(limit.queue)
        with queue.lock.held_interrupts_off():
            thread = scratch(limit.thread)
            with if_(thread.queue == queue):
                self.waiting.withdraw(thread)
                mov(limit.passed, 1)
                ignore(self.scheduler.make_ready(thread))
