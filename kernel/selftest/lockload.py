"""Locks of every kind, and numbers that go wrong where a lock does not do its work."""

from __future__ import annotations

from typing import Any

from kernel.clock.clock import Clock
from kernel.console.console import Console
from kernel.locks.spinlock import SpinLock
from kernel.sched.scheduler import Scheduler
from kernel.sched.thread import UNINTERRUPTIBLE
from kernel.selftest.load import Load
from kernel.selftest.random import Random
from kernel.selftest.threadpool import ThreadPool
from kernel.sync.condition import ConditionVariable, ConditionVariables
from kernel.sync.mutex import Mutex, Mutexes
from kernel.sync.rwlock import ReadWriteLock, ReadWriteLocks
from kernel.sync.semaphore import Semaphore, Semaphores
from pykasm import *

LONGEST_WAIT = 1 << 16
"""Nanoseconds below which the time limits of waits are."""

ROOM = 3
"""Things that are on their way from producers to consumers at most."""


class Guarded(Struct):
    """Two numbers that are equal whenever nobody changes them, and what they should be."""

    first: U64
    second: U64
    expected: U64
    """Counted atomically."""

    @inline
    def begin(self) -> None:
        """Count the change that follows, and make half of it."""
        lock.inc(self.expected)
        inc(self.first)

    @inline(changes=rax)
    def end(self) -> None:
        """Make the other half."""
        inc(self.second)
        mov(rax, self.first)

    @inline(changes=rax)
    def is_torn(self) -> Condition:
        """Return the condition that somebody else was here."""
        mov(rax, self.first)
        return self.second != rax


class LockLoad(Load):
    """Each step locks by one of the kinds; some yield while they have the lock."""

    name = "locks"
    spin = bss(SpinLock)
    by_spin = bss(Guarded)
    mutex = bss(Mutex)
    by_mutex = bss(Guarded)
    semaphore = bss(Semaphore)
    by_semaphore = bss(Guarded)
    shared = bss(ReadWriteLock)
    by_writers = bss(Guarded)
    changed = bss(ConditionVariable)
    """`in_store` is not what it was; by the mutex."""
    in_store = bss(U64)
    produced = bss(U64)
    consumed = bss(U64)

    def __init__(
        self,
        console: Console,
        pool: ThreadPool,
        clock: Clock,
        mutexes: Mutexes,
        semaphores: Semaphores,
        conditions: ConditionVariables,
        rwlocks: ReadWriteLocks,
    ) -> None:
        super().__init__(console, pool)
        self.scheduler: Scheduler = pool.scheduler
        self.clock = clock
        self.mutexes = mutexes
        self.semaphores = semaphores
        self.conditions = conditions
        self.rwlocks = rwlocks
        self.guarded = (self.by_spin, self.by_mutex, self.by_semaphore, self.by_writers)

    @function(sleeps=True)
    def prepare(self) -> Bool:
        """Begin to count."""
        mov(self.violations, 0)
        mov(self.semaphore.count, 1)
        for one in self.guarded:
            for number in (one.first, one.second, one.expected):
                mov(number, 0)
        for number in (self.in_store, self.produced, self.consumed):
            mov(number, 0)
        ret(True)

    @function(sleeps=True)
    def step(self, random: Ptr[Random]) -> None:
        """Do something with one of the locks."""
        random = scratch(random)
        choice = random.next()
        and_(choice, 0xF)
        with switch(choice):
            with case(0):
                tail(self._lock_spin)
            with case(1):
                tail(self._lock_mutex, random)
            with case(2):
                tail(self._lock_semaphore, random)
            with case(3):
                tail(self._write, random)
            with case(4, 5, 6, 7):
                tail(self._produce_and_consume)
            with case(8):
                tail(self._lock_mutex_in_time, random)
            with case(9):
                tail(self._lock_semaphore_in_time, random)
            with case(10):
                tail(self._write_in_time, random)
            with case(11):
                tail(self._read_in_time, random)
            with default():
                tail(self.read, random)

    @function(sleeps=True)
    def finish(self) -> Bool:
        """Check that all changes are there."""
        mov(self.semaphore.count, 0)
        for one in self.guarded:
            mov(rax, one.expected)
            with if_((rax != one.first) | (rax != one.second)):
                lock.inc(self.violations)
        mov(rax, self.produced)
        with if_((rax != self.consumed) | (self.in_store != 0)):
            lock.inc(self.violations)
        tail(self.judge)

    @function(sleeps=True)
    def _yield_sometimes(self, random: Ptr[Random]) -> None:
        """Yield now and then, so that others come to the lock."""
        choice = random.next()
        with if_(choice & 1):
            tail(self.scheduler.yield_now)

    @function
    def _count_violation(self) -> None:
        """Count a violation."""
        lock.inc(self.violations)

    @function
    def _lock_spin(self) -> None:
        """Change what the spin lock guards."""
        with self.spin.held():
            self.by_spin.begin()
            pause()
            self.by_spin.end()
            with if_(self.by_spin.is_torn()):
                self._count_violation()

    @function(sleeps=True)
    def _lock_mutex(self, random: Keep[Ptr[Random]]) -> None:
        """Change what the mutex guards."""
        with self.mutexes.held(self.mutex):
            self._change(self.by_mutex, random)

    @function(sleeps=True)
    def _lock_semaphore(self, random: Keep[Ptr[Random]]) -> None:
        """Change what the semaphore guards."""
        self.semaphores.down(address_of(self.semaphore))
        self._change(self.by_semaphore, random)
        self.semaphores.up(address_of(self.semaphore))

    @function(sleeps=True)
    def _write(self, random: Keep[Ptr[Random]]) -> None:
        """Change what readers look at."""
        self.rwlocks.lock_write(address_of(self.shared))
        self._change(self.by_writers, random)
        self.rwlocks.unlock_write(address_of(self.shared))

    @inline(changes=CALLER_SAVED)
    def _change(self, guarded: Guarded, random: Ptr[Random]) -> None:
        """Change both numbers, perhaps with other threads running in between."""
        guarded.begin()
        self._yield_sometimes(random)
        guarded.end()
        with if_(guarded.is_torn()):
            self._count_violation()

    @function(sleeps=True)
    def read(self, random: Keep[Ptr[Random]]) -> None:
        """Look at what writers change."""
        self.rwlocks.lock_read(address_of(self.shared))
        self._yield_sometimes(random)
        with if_(self.by_writers.is_torn()):
            self._count_violation()
        self.rwlocks.unlock_read(address_of(self.shared))

    # The same with time limits

    @function(sleeps=True)
    def _lock_mutex_in_time(self, random: Keep[Ptr[Random]]) -> None:
        """Change what the mutex guards, if it can be locked in time."""
        with if_(self._in_time(self.mutexes.lock_until, self.mutex, random) == 0):
            self._change(self.by_mutex, random)
            self.mutexes.unlock(address_of(self.mutex))

    @function(sleeps=True)
    def _lock_semaphore_in_time(self, random: Keep[Ptr[Random]]) -> None:
        """Change what the semaphore guards, if its count can be decremented in time."""
        with if_(self._in_time(self.semaphores.down_until, self.semaphore, random) == 0):
            self._change(self.by_semaphore, random)
            self.semaphores.up(address_of(self.semaphore))

    @function(sleeps=True)
    def _write_in_time(self, random: Keep[Ptr[Random]]) -> None:
        """Change what readers look at, if the lock can be had in time."""
        with if_(self._in_time(self.rwlocks.lock_write_until, self.shared, random) == 0):
            self._change(self.by_writers, random)
            self.rwlocks.unlock_write(address_of(self.shared))

    @function(sleeps=True)
    def _read_in_time(self, random: Keep[Ptr[Random]]) -> None:
        """Look at what writers change, if the lock can be had in time."""
        with if_(self._in_time(self.rwlocks.lock_read_until, self.shared, random) == 0):
            self._yield_sometimes(random)
            with if_(self.by_writers.is_torn()):
                self._count_violation()
            self.rwlocks.unlock_read(address_of(self.shared))

    @inline(changes=CALLER_SAVED)
    def _in_time(self, lock_until: Any, target: Any, random: Ptr[Random]) -> OrErrno[I32]:
        """Wait for `target` until a random time. Return what `lock_until` returns."""
        nanoseconds = random.next()
        and_(nanoseconds, LONGEST_WAIT - 1)
        deadline = self.clock.after(nanoseconds)
        return lock_until(address_of(target), deadline, UNINTERRUPTIBLE)

    # Through a condition

    @function(sleeps=True)
    def _produce_and_consume(self) -> None:
        """Put something into the store when there is room, and then take something out.

        Who takes has put, so there is something; who waits for room waits for one who will take.
        """
        with self.mutexes.held(self.mutex):
            with while_(self.in_store == ROOM):
                self.conditions.wait(address_of(self.changed), address_of(self.mutex))
            inc(self.in_store)
            inc(self.produced)
        self.scheduler.yield_now()
        with self.mutexes.held(self.mutex):
            with if_(self.in_store == 0):
                self._count_violation()
            dec(self.in_store)
            inc(self.consumed)
            self.conditions.broadcast(address_of(self.changed))
