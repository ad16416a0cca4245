"""Blocking and waking by wait queues, for all locks that let threads sleep."""

from __future__ import annotations

from kernel.locks.waitqueue import WaitQueue
from kernel.sched.scheduler import Scheduler
from kernel.sched.thread import Thread, ThreadState
from kernel.structures.list import ListHead, container
from pykasm import *


class Waiting(Subsystem):
    """Operations on `WaitQueue`.

    Who waits: takes the queue's lock, looks, calls `enqueue`, releases the lock, and then calls
    `Scheduler.block`. Who wakes: takes the lock, changes what is waited for, makes threads ready
    that it `take`s, releases the lock, and then calls `preempt_if_due`. So no wake-up is
    lost. Once it is in the queue a thread sleeps as soon as it is preempted: what it still has to
    do before, it does with preemption disabled.
    """

    def __init__(self, scheduler: Scheduler) -> None:
        self.scheduler = scheduler

    @function
    def enqueue(self, queue: Ptr[WaitQueue]) -> None:
        """Make this thread blocked and the last of `queue`, whose lock is held."""
        thread, link = scratch(self.scheduler.current), scratch(Ptr[ListHead])
        with if_(queue.waiters.next == 0):
            queue.waiters.reset()
        mov(thread.state, ThreadState.BLOCKED)
        mov(thread.queue, queue)
        lea(link, thread.link)
        queue.waiters.append(link)

    @function
    def take(self, queue: Ptr[WaitQueue]) -> Ptr[Thread]:
        """The thread that has waited longest in `queue`, out of it. The queue is locked and not
        empty; the thread is to be made ready by the scheduler."""
        thread = scratch(container(scratch(queue.waiters.next), Thread, "link"))
        self.withdraw(thread)
        ret(thread)

    def withdraw(self, thread: Ptr[Thread]) -> None:
        """Emit code that takes a thread out of its queue, which is locked. Changes rax and rcx."""
        thread.link.unlink()
        mov(thread.queue, 0)

    @function
    def wake_all(self, queue: Ptr[WaitQueue]) -> None:
        """Make all ready that wait in `queue`, which is locked."""
        queue = keep(queue)
        with while_(lambda: ~queue.is_empty()):
            thread = self.take(queue)
            ignore(self.scheduler.make_ready(thread))
