"""A lock that many readers have together, or one writer alone."""

from __future__ import annotations

from enum import IntEnum

from kernel.locks.waitqueue import WaitQueue
from kernel.sched.scheduler import Scheduler
from kernel.sched.thread import Thread
from kernel.sched.waiting import Waiting
from kernel.structures.list import container
from pykasm import *


class WaitMode(IntEnum):
    """What a thread waits for, as `Thread.wait_mode`."""

    READ = 0
    WRITE = 1


class ReadWriteLock(Struct):
    """Who has it. Zero is a free one; `queue.lock` guards the fields."""

    readers: U32
    writers: U32
    """0 or 1."""
    queue: WaitQueue


class ReadWriteLocks(Subsystem):
    """Operations on `ReadWriteLock`. Threads get it in the order in which they asked, readers who
    follow each other together: neither kind starves the other. Context: thread, without spin
    locks."""

    def __init__(self, scheduler: Scheduler, waiting: Waiting) -> None:
        self.scheduler = scheduler
        self.waiting = waiting

    @function(context="thread", sleeps=True)
    def lock_to_read(self, lock: Ptr[ReadWriteLock]) -> None:
        """Wait until this thread may read beside others."""
        lock = keep(lock)
        with lock.queue.lock.held():
            with if_(lock.queue.is_empty() & (lock.writers == 0)):
                inc(lock.readers)
            with else_():
                self._wait(lock, WaitMode.READ)
        self.scheduler.block()

    @function(context="thread", sleeps=True)
    def lock_to_write(self, lock: Ptr[ReadWriteLock]) -> None:
        """Wait until this thread is alone."""
        lock = keep(lock)
        with lock.queue.lock.held():
            with if_((lock.readers == 0) & (lock.writers == 0)):
                inc(lock.writers)
            with else_():
                self._wait(lock, WaitMode.WRITE)
        self.scheduler.block()

    def _wait(self, lock: Ptr[ReadWriteLock], wait_mode: WaitMode) -> None:
        """Let this thread be the last of those who wait."""
        mov(rax, self.scheduler.current)
        mov(cast(rax, Ptr[Thread]).wait_mode, wait_mode)
        lea(rdi, lock.queue)
        self.waiting.enqueue(rdi)

    @function(context="thread")
    def unlock_read(self, lock: Ptr[ReadWriteLock]) -> None:
        """End reading."""
        lock = keep(lock)
        with lock.queue.lock.held():
            asserts(lock.readers != 0)
            dec(lock.readers)
            self.admit(lock)
        self.scheduler.preempt_if_due()

    @function(context="thread")
    def unlock_write(self, lock: Ptr[ReadWriteLock]) -> None:
        """End writing."""
        lock = keep(lock)
        with lock.queue.lock.held():
            asserts(lock.writers != 0)
            dec(lock.writers)
            self.admit(lock)
        self.scheduler.preempt_if_due()

    @function
    def admit(self, lock: Ptr[ReadWriteLock]) -> None:
        """Let those in who have waited longest and may have the lock now. Its queue is locked."""
        lock = keep(lock)
        with while_(lambda: ~lock.queue.is_empty() & (lock.writers == 0)):
            link = scratch(lock.queue.waiters.next)
            first = container(link, Thread, "link")
            with if_(first.wait_mode == WaitMode.WRITE):
                break_if(lock.readers != 0)
                inc(lock.writers)
            with else_():
                inc(lock.readers)
            lea(rdi, lock.queue)
            thread = self.waiting.take(rdi)
            ignore(self.scheduler.make_ready(thread))
