"""A number of things that threads wait for one of."""

from __future__ import annotations

from kernel.clock.units import Nanoseconds
from kernel.locks.waitqueue import WaitQueue
from kernel.sched.scheduler import Scheduler
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

    def __init__(self, scheduler: Scheduler, waiting: Waiting) -> None:
        self.scheduler = scheduler
        self.waiting = waiting

    @function(context="thread", sleeps=True)
    def take(self, semaphore: Keep[Ptr[Semaphore]]) -> None:
        """Wait for one, and take it."""
        with semaphore.queue.lock.held():
            with if_(semaphore.count != 0):
                dec(semaphore.count)
            with else_():
                self.waiting.wait(address_of(semaphore.queue))

    @function(context="thread", sleeps=True)
    def take_until(
        self, semaphore: Keep[Ptr[Semaphore]], deadline: Keep[Nanoseconds], mode: Keep[U32]
    ) -> I32:
        """As `take`, but wait as `Waiting.wait_until` does: 0; or -ETIMEDOUT or -EINTR, and nothing
        is taken."""
        result = keep(I32)
        xor(result, result)
        with semaphore.queue.lock.held():
            with if_(semaphore.count != 0):
                dec(semaphore.count)
            with else_():
                mov(result, self.waiting.wait_until(address_of(semaphore.queue), deadline, mode))
        ret(result)

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
    def give(self, semaphore: Keep[Ptr[Semaphore]]) -> None:
        """Add one, and wake a thread that waits for it. Context: any."""
        with semaphore.queue.lock.held():
            with if_(semaphore.queue.is_empty()):
                inc(semaphore.count)
            with else_():
                ignore(self.waiting.wake_one(address_of(semaphore.queue)))
        self.scheduler.preempt_if_due()
