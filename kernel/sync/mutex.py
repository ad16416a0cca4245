"""A lock that threads wait for asleep."""

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
    """One thread at a time has it. Zero is a free one."""

    owner: U64
    """The thread's address, with `CONTENDED`; 0 while it is free."""
    queue: WaitQueue


class Mutexes(Subsystem):
    """Operations on `Mutex`. Context: thread, without spin locks.

    Who unlocks hands the mutex over to the thread that has waited longest: nobody starves, and
    the next owner need not race for it. Without contention both ends are one atomic instruction.
    """

    def __init__(self, scheduler: Scheduler, waiting: Waiting) -> None:
        self.scheduler = scheduler
        self.waiting = waiting

    @inline(changes=CALLER_SAVED)
    @contextmanager
    def held(self, mutex: Mutex) -> Iterator[None]:
        """Have `mutex` in the block, which may sleep and ends at its end only."""
        self.lock(address_of(mutex))
        yield
        self.unlock(address_of(mutex))

    @function(context="thread", sleeps=True)
    def lock(self, mutex: Ptr[Mutex]) -> None:
        """Wait until this thread has `mutex`, which it does not have yet."""
        thread = scratch(self.scheduler.current)
        xor(eax, eax)
        lock.cmpxchg(mutex.owner, u64(thread))
        with if_(~ZF):
            tail(self.wait, mutex)

    @function(context="thread")
    def try_lock(self, mutex: Ptr[Mutex]) -> U32:
        """1 if this thread has `mutex` now; 0 if another one has it."""
        thread = scratch(self.scheduler.current)
        xor(eax, eax)
        lock.cmpxchg(mutex.owner, u64(thread))
        with if_(ZF):
            ret(1)
        ret(0)

    @function(context="thread")
    def unlock(self, mutex: Ptr[Mutex]) -> None:
        """Unlock `mutex`, which this thread has."""
        xor(ecx, ecx)
        mov(rax, self.scheduler.current)
        lock.cmpxchg(mutex.owner, rcx)
        with if_(~ZF):
            tail(self._hand_over, mutex)

    @function(context="thread", sleeps=True)
    def wait(self, mutex: Keep[Ptr[Mutex]]) -> None:
        """As `lock`, for a mutex that another thread has, or had just now."""
        with mutex.queue.lock.held(), if_(self._claim(mutex) == 0):
            self.waiting.wait(address_of(mutex.queue))  # comes back as the owner

    @function(context="thread", sleeps=True)
    def lock_until(
        self, mutex: Keep[Ptr[Mutex]], deadline: Keep[Nanoseconds], mode: Keep[U32]
    ) -> I32:
        """As `lock`, but wait as `Waiting.wait_until` does: 0; or -ETIMEDOUT or -EINTR, and this
        thread does not have `mutex`."""
        result = keep(I32)
        xor(result, result)
        with mutex.queue.lock.held(), if_(self._claim(mutex) == 0):
            mov(result, self.waiting.wait_until(address_of(mutex.queue), deadline, mode))
        ret(result)

    @function(holds="mutex.queue.lock")
    def _claim(self, mutex: Ptr[Mutex]) -> U32:
        """Take `mutex` if it is free: 1; else mark it contended: 0."""
        thread = scratch(self.scheduler.current)
        mov(rax, mutex.owner)
        if debugging():
            mov(rcx, rax)
            and_(rcx, ~CONTENDED)
            asserts(thread != rcx)  # else this thread has it already
        with loop():
            with if_(rax == 0):
                lock.cmpxchg(mutex.owner, u64(thread))
                with if_(ZF):
                    ret(1)
                continue_()
            mov(rcx, rax)
            or_(rcx, CONTENDED)
            lock.cmpxchg(mutex.owner, rcx)
            with if_(ZF):
                ret(0)

    @function(context="thread")
    def _hand_over(self, mutex: Keep[Ptr[Mutex]]) -> None:
        """As `unlock`, for a mutex that others wait for, or have waited for in vain.

        A thread that waits for a condition unlocks its mutex with the lock of the condition's queue
        held: so that of the mutex comes after it in the order of locks.
        """
        with mutex.queue.lock.held(rank="mutex"):
            if debugging():
                mov(rax, mutex.owner)
                and_(rax, ~CONTENDED)
                thread = scratch(self.scheduler.current)
                asserts(thread == rax)  # else another thread has it, or none
                release(thread)
            # The woken thread owns it from here, and can't look before the lock is released.
            mov(mutex.owner, u64(self.waiting.wake_one(address_of(mutex.queue))))
            with if_(~mutex.queue.is_empty()):
                or_(mutex.owner, CONTENDED)
        self.scheduler.preempt_if_due()
