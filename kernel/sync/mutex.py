"""Mutexes: locks that threads wait for asleep."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from kernel.clock.units import Nanoseconds
from kernel.locks.waitqueue import WaitQueue
from kernel.sched.scheduler import Scheduler
from kernel.sched.waiting import Waiting
from pykasm import *

CONTENDED = 1
"""Set in `Mutex.owner` while threads wait; a thread's address is even."""


class Mutex(Struct):
    """A lock that one thread at a time owns. Zero is a free one."""

    owner: U64
    """The thread's address, with `CONTENDED`; 0 while it is free."""
    queue: WaitQueue


class Mutexes(Subsystem):
    """Operations on `Mutex`. Context: thread, without spin locks.

    Unlocking makes the thread that has waited longest the owner: nobody starves, and the next owner
    need not race for it. Without contention, locking and unlocking are one atomic instruction each.
    """

    def __init__(self, scheduler: Scheduler, waiting: Waiting) -> None:
        self.scheduler = scheduler
        self.waiting = waiting

    @inline(changes=CALLER_SAVED)
    @contextmanager
    def held(self, mutex: Mutex) -> Iterator[None]:
        """Hold `mutex` in the block, which may sleep and ends at its end only."""
        self.lock(address_of(mutex))
        yield
        self.unlock(address_of(mutex))

    @function(context="thread", sleeps=True, locks="mutex")
    def lock(self, mutex: Ptr[Mutex]) -> None:
        """Lock `mutex`, which this thread does not own yet."""
        thread = scratch(self.scheduler.current)
        xor(eax, eax)
        lock.cmpxchg(mutex.owner, u64(thread))
        with if_(~ZF):
            tail(self._lock_contended, mutex)

    @function(context="thread", tries="mutex")
    def try_lock(self, mutex: Ptr[Mutex]) -> Bool:
        """Lock `mutex` if it is free. Return whether this thread owns it now."""
        thread = scratch(self.scheduler.current)
        xor(eax, eax)
        lock.cmpxchg(mutex.owner, u64(thread))
        with if_(ZF):
            ret(True)
        ret(False)

    @function(context="thread", unlocks="mutex")
    def unlock(self, mutex: Ptr[Mutex]) -> None:
        """Unlock `mutex`, which this thread owns."""
        xor(ecx, ecx)
        mov(rax, self.scheduler.current)
        lock.cmpxchg(mutex.owner, rcx)  # fails if CONTENDED is set
        with if_(~ZF):
            tail(self._unlock_contended, mutex)

    @function(context="thread", sleeps=True)
    def _lock_contended(self, mutex: Keep[Ptr[Mutex]]) -> None:
        """Lock a mutex that another thread owns, or owned just now."""
        with mutex.queue.lock.held(), if_(~self._claim(mutex)):
            self.waiting.wait(address_of(mutex.queue))  # returns as the owner

    @function(context="thread", sleeps=True, tries="mutex")
    def lock_until(
        self, mutex: Keep[Ptr[Mutex]], deadline: Keep[Nanoseconds], mode: Keep[U32]
    ) -> OrErrno[I32]:
        """Lock `mutex`, waiting as `Waiting.wait_until` does. Return 0; or -ETIMEDOUT or -EINTR,
        and this thread does not own it."""
        result = keep(I32)
        xor(result, result)
        with mutex.queue.lock.held(), if_(~self._claim(mutex)):
            mov(result, self.waiting.wait_until(address_of(mutex.queue), deadline, mode))
        ret(result)

    @function(holds="mutex.queue.lock")
    def _claim(self, mutex: Ptr[Mutex]) -> Bool:
        """Lock `mutex` if it is free, else mark it CONTENDED. Return whether this thread owns
        it."""
        thread = scratch(self.scheduler.current)
        mov(rax, mutex.owner)
        if debugging():
            mov(rcx, rax)
            and_(rcx, ~CONTENDED)
            asserts(thread != rcx)  # else this thread owns it already
        with loop():
            with if_(rax == 0):
                lock.cmpxchg(mutex.owner, u64(thread))
                with if_(ZF):
                    ret(True)
                continue_()
            mov(rcx, rax)
            or_(rcx, CONTENDED)
            lock.cmpxchg(mutex.owner, rcx)  # else it was unlocked meanwhile: rax has what it is now
            with if_(ZF):
                ret(False)

    @function(context="thread")
    def _unlock_contended(self, mutex: Keep[Ptr[Mutex]]) -> None:
        """Unlock a mutex that others wait for, or have waited for in vain."""
        # The rank: a thread that waits for a condition unlocks its mutex with the lock of the
        # condition's queue held, so that of the mutex comes after it in the order of locks.
        with mutex.queue.lock.held(rank="mutex"):
            if debugging():
                mov(rax, mutex.owner)
                and_(rax, ~CONTENDED)
                thread = scratch(self.scheduler.current)
                asserts(thread == rax)  # else another thread owns it, or none
                release(thread)
            # The woken thread owns it from here, and can't run on before the lock is released.
            mov(mutex.owner, u64(self.waiting.wake_one(address_of(mutex.queue))))
            with if_(~mutex.queue.is_empty()):
                or_(mutex.owner, CONTENDED)
        self.scheduler.preempt_if_due()
