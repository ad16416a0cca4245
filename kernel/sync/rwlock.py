"""Locks that many readers hold together, or one writer alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum

from kernel.clock.units import Nanoseconds
from kernel.locks.waitqueue import WaitQueue
from kernel.sched.scheduler import Scheduler
from kernel.sched.waiting import Waiting, WaitResult
from pykasm import *


class LockMode(IntEnum):
    """The mode in which a thread waits for the lock: `Thread.lock_mode`."""

    READ = 0
    WRITE = 1


class ReadWriteLock(Struct):
    """The holders of the lock. Zero is a free one."""

    readers: U32 = field(guarded_by="queue.lock")
    writers: U32 = field(guarded_by="queue.lock", unlocked_reads=True)
    """0 or 1."""
    queue: WaitQueue


class ReadWriteLocks(Subsystem):
    """Operations on `ReadWriteLock`. Threads get it in the order in which they asked, successive
    readers together: neither kind starves the other. Context: thread, without spin locks."""

    def __init__(self, scheduler: Scheduler, waiting: Waiting) -> None:
        self.scheduler = scheduler
        self.waiting = waiting

    # Locking

    @inline(changes=rax)
    def _is_free_to_read(self, rwlock: Ptr[ReadWriteLock]) -> Condition:
        """Return the condition that a thread may read at once."""
        # Not past threads that wait: a stream of readers would starve the writers.
        return rwlock.queue.is_empty() & (rwlock.writers == 0)

    @inline
    def _is_free_to_write(self, rwlock: Ptr[ReadWriteLock]) -> Condition:
        """Return the condition that a thread may write at once."""
        return (rwlock.readers == 0) & (rwlock.writers == 0)

    @function(context="thread", sleeps=True, locks="rwlock")
    def lock_read(self, rwlock: Keep[Ptr[ReadWriteLock]]) -> None:
        """Lock for reading, beside other readers."""
        with rwlock.queue.lock.held():
            with if_(self._is_free_to_read(rwlock)):
                inc(rwlock.readers)
            with else_():
                self._wait(rwlock, LockMode.READ)

    @inline(changes=CALLER_SAVED)
    @contextmanager
    def read_held(self, rwlock: ReadWriteLock) -> Iterator[None]:
        """Hold `rwlock` for reading in the block, which may sleep and ends at its end only."""
        self.lock_read(address_of(rwlock))
        yield
        self.unlock_read(address_of(rwlock))

    @inline(changes=CALLER_SAVED)
    @contextmanager
    def write_held(self, rwlock: ReadWriteLock) -> Iterator[None]:
        """Hold `rwlock` for writing in the block, which may sleep and ends at its end only."""
        self.lock_write(address_of(rwlock))
        yield
        self.unlock_write(address_of(rwlock))

    @function(context="thread", sleeps=True, locks="rwlock")
    def lock_write(self, rwlock: Keep[Ptr[ReadWriteLock]]) -> None:
        """Lock for writing, alone."""
        with rwlock.queue.lock.held():
            with if_(self._is_free_to_write(rwlock)):
                inc(rwlock.writers)
            with else_():
                self._wait(rwlock, LockMode.WRITE)

    @inline(changes=CALLER_SAVED)
    def _wait(self, rwlock: Ptr[ReadWriteLock], lock_mode: LockMode) -> None:
        """Wait until `_admit` has given the lock to this thread."""
        current = scratch(self.scheduler.current)
        mov(current.lock_mode, lock_mode)
        self.waiting.wait(address_of(rwlock.queue))

    @function(context="thread", sleeps=True, tries="rwlock")
    def lock_read_until(
        self, rwlock: Keep[Ptr[ReadWriteLock]], deadline: Nanoseconds, mode: U32
    ) -> OrErrno[I32]:
        """Lock for reading, waiting as `Waiting.wait_until` does. Return 0; or -ETIMEDOUT or
        -EINTR, and this thread may not read."""
        result = keep(I32)
        xor(result, result)
        with rwlock.queue.lock.held():
            with if_(self._is_free_to_read(rwlock)):
                inc(rwlock.readers)
            with else_():
                mov(result, self.wait_until(rwlock, deadline, mode, LockMode.READ))
        self.scheduler.preempt_if_due()
        ret(result)

    @function(context="thread", sleeps=True, tries="rwlock")
    def lock_write_until(
        self, rwlock: Keep[Ptr[ReadWriteLock]], deadline: Nanoseconds, mode: U32
    ) -> OrErrno[I32]:
        """Lock for writing, waiting as `Waiting.wait_until` does. Return 0; or -ETIMEDOUT or
        -EINTR, and this thread may not write."""
        result = keep(I32)
        xor(result, result)
        with rwlock.queue.lock.held():
            with if_(self._is_free_to_write(rwlock)):
                inc(rwlock.writers)
            with else_():
                mov(result, self.wait_until(rwlock, deadline, mode, LockMode.WRITE))
        self.scheduler.preempt_if_due()
        ret(result)

    @function(context="interrupts off", holds="rwlock.queue.lock")
    def wait_until(
        self, rwlock: Keep[Ptr[ReadWriteLock]], deadline: Nanoseconds, mode: U32, lock_mode: U32
    ) -> OrErrno[I32]:
        """Wait until `_admit` has given the lock to this thread, as `Waiting.wait_until` does."""
        result = keep(I32)
        current = scratch(self.scheduler.current)
        mov(current.lock_mode, lock_mode)
        mov(result, self.waiting.wait_until(address_of(rwlock.queue), deadline, mode))
        with if_(result != WaitResult.WOKEN):  # a writer may have kept readers after it waiting
            self._admit(rwlock)
        ret(result)

    # Unlocking

    @function(context="thread", unlocks="rwlock")
    def unlock_read(self, rwlock: Keep[Ptr[ReadWriteLock]]) -> None:
        """Unlock after reading."""
        with rwlock.queue.lock.held():
            asserts(rwlock.readers != 0)
            dec(rwlock.readers)
            self._admit(rwlock)
        self.scheduler.preempt_if_due()

    @function(context="thread", unlocks="rwlock")
    def unlock_write(self, rwlock: Keep[Ptr[ReadWriteLock]]) -> None:
        """Unlock after writing."""
        with rwlock.queue.lock.held():
            asserts(rwlock.writers != 0)
            dec(rwlock.writers)
            self._admit(rwlock)
        self.scheduler.preempt_if_due()

    @function(context="interrupts off", holds="rwlock.queue.lock")
    def _admit(self, rwlock: Keep[Ptr[ReadWriteLock]]) -> None:
        """Give the lock to the threads that have waited longest and may have it now."""
        with while_(lambda: ~rwlock.queue.is_empty() & (rwlock.writers == 0)):
            first = self.waiting.first(rwlock.queue)
            with if_(first.lock_mode == LockMode.WRITE):
                break_if(rwlock.readers != 0)
                inc(rwlock.writers)
            with else_():
                inc(rwlock.readers)
            ignore(self.waiting.wake_one(address_of(rwlock.queue)))
