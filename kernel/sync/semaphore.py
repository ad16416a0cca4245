"""A number of things that threads wait for one of."""

from __future__ import annotations

from kernel.locks.waitqueue import WaitQueue
from kernel.sched.scheduler import Scheduler
from kernel.sched.timelimits import TimeLimit, TimeLimits
from kernel.sched.waiting import Waiting
from pykasm import *


class Semaphore(Struct):
    """How many there are (Dijkstra, Cooperating Sequential Processes, 1965). Zero is one without
    any; `queue.lock` guards the count."""

    count: U64
    queue: WaitQueue


class Semaphores(Subsystem):
    """Operations on `Semaphore`. What is given while threads wait goes to the one that has waited
    longest, not through the count: nobody can come in between."""

    def __init__(self, scheduler: Scheduler, waiting: Waiting, limits: TimeLimits) -> None:
        self.scheduler = scheduler
        self.waiting = waiting
        self.limits = limits

    @function(context="thread", sleeps=True)
    def take(self, semaphore: Ptr[Semaphore]) -> None:
        """Wait for one, and take it."""
        semaphore = keep(semaphore)
        with semaphore.queue.lock.held():
            with if_(semaphore.count != 0):
                dec(semaphore.count)
            with else_():
                lea(rdi, semaphore.queue)
                self.waiting.enqueue(rdi)
        self.scheduler.block()

    @function(context="thread", sleeps=True)
    def take_until(self, semaphore: Ptr[Semaphore], deadline: U64) -> I32:
        """As `take`, but wait no longer than until the clock has come to `deadline`, in
        nanoseconds: 0, or -ETIMEDOUT and nothing is taken."""
        semaphore, deadline, limit = keep(semaphore), keep(deadline), local(TimeLimit)
        self.limits.begin(limit)
        with semaphore.queue.lock.held():
            with if_(semaphore.count != 0):
                dec(semaphore.count)
            with else_():
                lea(rdi, semaphore.queue)
                lea(rsi, limit)
                self.limits.enqueue(rdi, rsi, deadline)
        self.scheduler.block()
        lea(rdi, limit)
        ret(self.limits.result(rdi))

    @function
    def try_to_take(self, semaphore: Ptr[Semaphore]) -> U32:
        """Take one if there is one: 1; else 0. Any context."""
        taken = scratch(U32)
        xor(taken, taken)
        with semaphore.queue.lock.held(), if_(semaphore.count != 0):
            dec(semaphore.count)
            inc(taken)
        ret(taken)

    @function
    def give(self, semaphore: Ptr[Semaphore]) -> None:
        """Let there be one more. Any context."""
        semaphore = keep(semaphore)
        with semaphore.queue.lock.held():
            with if_(semaphore.queue.is_empty()):
                inc(semaphore.count)
            with else_():
                lea(rdi, semaphore.queue)
                thread = self.waiting.take(rdi)
                ignore(self.scheduler.make_ready(thread))
        self.scheduler.preempt_if_due()
