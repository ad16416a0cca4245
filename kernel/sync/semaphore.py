"""Counting semaphores."""

from __future__ import annotations

from kernel.clock.units import Nanoseconds
from kernel.locks.waitqueue import WaitQueue
from kernel.sched.scheduler import Scheduler
from kernel.sched.waiting import Waiting
from pykasm import *


class Semaphore(Struct):
    """A count that threads wait for to be above 0 (Dijkstra, Cooperating Sequential Processes,
    1965). Zero is a valid one; `queue.lock` guards the count."""

    count: U64
    queue: WaitQueue


class Semaphores(Subsystem):
    """Operations on `Semaphore`. While threads wait, `up` goes to the one that has waited longest,
    not through the count: no other thread can come in between."""

    def __init__(self, scheduler: Scheduler, waiting: Waiting) -> None:
        self.scheduler = scheduler
        self.waiting = waiting

    @function(context="thread", sleeps=True)
    def down(self, semaphore: Keep[Ptr[Semaphore]]) -> None:
        """Decrement the count, once it is above 0."""
        with semaphore.queue.lock.held():
            with if_(semaphore.count != 0):
                dec(semaphore.count)
            with else_():
                self.waiting.wait(address_of(semaphore.queue))

    @function(context="thread", sleeps=True)
    def down_until(
        self, semaphore: Keep[Ptr[Semaphore]], deadline: Keep[Nanoseconds], mode: Keep[U32]
    ) -> OrErrno[I32]:
        """Decrement the count, waiting as `Waiting.wait_until` does. Return 0; or -ETIMEDOUT or
        -EINTR, and the count stays."""
        result = keep(I32)
        xor(result, result)
        with semaphore.queue.lock.held():
            with if_(semaphore.count != 0):
                dec(semaphore.count)
            with else_():
                mov(result, self.waiting.wait_until(address_of(semaphore.queue), deadline, mode))
        ret(result)

    @function(context="any")
    def try_down(self, semaphore: Ptr[Semaphore]) -> Bool:
        """Decrement the count if it is above 0. Return whether it was. Context: any."""
        taken = scratch(Bool)
        xor(taken, taken)
        with semaphore.queue.lock.held(), if_(semaphore.count != 0):
            dec(semaphore.count)
            inc(taken)
        ret(taken)

    @function(context="any")
    def up(self, semaphore: Keep[Ptr[Semaphore]]) -> None:
        """Increment the count, or wake a thread that waits for that. Context: any."""
        with semaphore.queue.lock.held():
            with if_(semaphore.queue.is_empty()):
                inc(semaphore.count)
            with else_():
                ignore(self.waiting.wake_one(address_of(semaphore.queue)))
        self.scheduler.preempt_if_due()
