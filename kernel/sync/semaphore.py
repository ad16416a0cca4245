"""A number of things that threads wait for one of."""

from __future__ import annotations

from kernel.sync.waiting import Waiting
from kernel.sync.waitqueue import WaitQueue
from kernel.threads.scheduler import Scheduler
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
        self.scheduler.reconsider()
