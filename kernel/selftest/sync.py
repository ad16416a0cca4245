"""Every kind of lock, with several threads that do their best to get in each other's way."""

from __future__ import annotations

from typing import Any

from kernel.console.console import Console
from kernel.locks.spinlock import SpinLock
from kernel.selftest.case import BenchmarkSuite, TestSuite, check, measure
from kernel.selftest.threadpool import THREADS, ThreadPool
from kernel.sync.condition import ConditionVariable, ConditionVariables
from kernel.sync.mutex import Mutex, Mutexes
from kernel.sync.once import Once, Onces
from kernel.sync.rwlock import ReadWriteLock, ReadWriteLocks
from kernel.sync.semaphore import Semaphore, Semaphores
from pykasm import *

ROUNDS = 50
"""What each thread of the pool does, so often."""
SLOTS = 4
"""Numbers that are on their way from producers to consumers at most."""
PAIRS = THREADS // 2
"""Producers, and consumers."""
SUM = PAIRS * ROUNDS * (ROUNDS - 1) // 2
"""Of all numbers that the producers make."""


class SyncTests(TestSuite, BenchmarkSuite):
    """Members yield while they have a lock, so that others come to it."""

    spin = bss(SpinLock)
    mutex = bss(Mutex)
    not_empty = bss(ConditionVariable)
    not_full = bss(ConditionVariable)
    filled = bss(Semaphore)
    free = bss(Semaphore)
    shared = bss(ReadWriteLock)
    once = bss(Once)
    value = bss(U64)
    second = bss(U64)
    """Equal to `value` whenever nobody writes."""
    violations = bss(U64)
    slots = bss(U64 * SLOTS)
    put = bss(U64)
    """How many numbers were put into `slots`, one after the other, round and round."""
    got = bss(U64)
    """How many were taken out."""

    def __init__(
        self,
        console: Console,
        pool: ThreadPool,
        mutexes: Mutexes,
        semaphores: Semaphores,
        conditions: ConditionVariables,
        rwlocks: ReadWriteLocks,
        onces: Onces,
    ) -> None:
        self.console = console
        self.pool = pool
        self.scheduler = pool.scheduler
        self.mutexes = mutexes
        self.semaphores = semaphores
        self.conditions = conditions
        self.rwlocks = rwlocks
        self.onces = onces
        self.tests = [
            check("sync.spinlock", self.try_spinlock),
            check("sync.mutex", self.try_mutex),
            check("sync.semaphore", self.try_semaphores),
            check("sync.without_waiting", self.try_without_waiting),
            check("sync.condition", self.try_conditions),
            check("sync.rwlock", self.try_rwlock),
            check("sync.once", self.try_once),
        ]
        self.benchmarks = [
            measure("sync.mutex", self.lock_and_unlock),
            measure("sync.semaphore", self.give_and_take),
        ]

    @inline(changes=CALLER_SAVED)
    def _work(self, entry: Any) -> None:
        """Run the threads with all counts at zero; leave the function with 0 if memory is out."""
        for counter in (self.value, self.second, self.violations, self.put, self.got):
            mov(counter, 0)
        made = self.pool.run(entry)
        with if_(~made):
            self.console.print("no memory for threads: ")
            ret(0)

    @function
    def _compare(self, found: U64, expected: U64) -> U32:
        """Return PASSED if they are equal; else print both and return FAILED."""
        with if_(found == expected):
            ret(1)
        self.console.print("found %u, expected %u: ", found, expected)
        ret(0)

    # Spin locks

    @function(sleeps=True)
    def try_spinlock(self) -> U32:
        """Nothing that is added is lost."""
        self._work(self._add_spinning)
        tail(self._compare, self.value, THREADS * ROUNDS)

    @function(sleeps=True, context="thread")
    def _add_spinning(self, number: U64) -> None:
        """Add 1 in several instructions."""
        with for_(keep(U32), 0, ROUNDS):
            with self.spin.held():
                mov(rax, self.value)
                pause()
                inc(rax)
                mov(self.value, rax)
            self.scheduler.yield_now()

    # Mutexes

    @function(sleeps=True)
    def try_mutex(self) -> U32:
        """Nothing that is added is lost, though others run in between."""
        self._work(self._add_slowly)
        tail(self._compare, self.value, THREADS * ROUNDS)

    @function(sleeps=True, context="thread")
    def _add_slowly(self, number: U64) -> None:
        """Add 1 while no other thread can."""
        with for_(keep(U32), 0, ROUNDS), self.mutexes.held(self.mutex):
            self._increment_slowly(self.value)

    # Trying instead of waiting

    @function(sleeps=True)
    def try_without_waiting(self) -> U32:
        """Nothing that is added is lost, by a mutex and by a semaphore that one can have."""
        mov(self.free.count, 1)
        self._work(self._add_when_possible)
        both = scratch(self.value)
        add(both, self.second)
        tail(self._compare, both, 2 * THREADS * ROUNDS)

    @function(sleeps=True, context="thread")
    def _add_when_possible(self, number: U64) -> None:
        """Add 1 to both numbers, each by its lock, and let others run until it can be had."""
        with for_(keep(U32), 0, ROUNDS):
            with while_(lambda: ~self.mutexes.try_lock(address_of(self.mutex))):
                self.scheduler.yield_now()
            self._increment_slowly(self.value)
            self.mutexes.unlock(address_of(self.mutex))
            with while_(lambda: ~self.semaphores.try_down(address_of(self.free))):
                self.scheduler.yield_now()
            self._increment_slowly(self.second)
            self.semaphores.up(address_of(self.free))

    @inline(changes=CALLER_SAVED)
    def _increment_slowly(self, number: U64) -> None:
        """Add 1, and let others run between reading and writing."""
        seen = keep(number)
        self.scheduler.yield_now()
        inc(seen)
        mov(number, seen)
        release(seen)

    # Semaphores and condition variables

    @function(sleeps=True)
    def try_semaphores(self) -> U32:
        """All that is produced is consumed, once."""
        mov(self.free.count, SLOTS)
        self._work(self._produce_or_consume)
        mov(self.free.count, 0)
        tail(self._compare, self.value, SUM)

    @function(sleeps=True, context="thread")
    def _produce_or_consume(self, number: Keep[U64]) -> None:
        """Even threads produce, odd ones consume."""
        step = keep(U64)
        with for_(step, 0, ROUNDS):
            with if_(number & 1):
                self.semaphores.down(address_of(self.filled))
                self._get_one()
                self.semaphores.up(address_of(self.free))
            with else_():
                self.semaphores.down(address_of(self.free))
                self._put_one(step)
                self.semaphores.up(address_of(self.filled))

    @function
    def _put_one(self, number: U64) -> None:
        """Put `number` into the next slot, which is free."""
        with self.spin.held():
            mov(rax, self.put)
            inc(self.put)
            and_(eax, SLOTS - 1)
            mov(self.slots[rax], number)

    @function
    def _get_one(self) -> None:
        """Add the number of the next slot, which is not free, to the sum."""
        with self.spin.held():
            mov(rax, self.got)
            inc(self.got)
            and_(eax, SLOTS - 1)
            mov(rax, self.slots[rax])
            add(self.value, rax)

    @function(sleeps=True)
    def try_conditions(self) -> U32:
        """All that is produced is consumed, once."""
        self._work(self._produce_or_consume_in_turn)
        tail(self._compare, self.value, SUM)

    @function(sleeps=True, context="thread")
    def _produce_or_consume_in_turn(self, number: Keep[U64]) -> None:
        """Even threads produce, odd ones consume."""
        step = keep(U64)
        with for_(step, 0, ROUNDS), self.mutexes.held(self.mutex):
            with if_(number & 1):
                self._wait_and_get()
            with else_():
                self._wait_and_put(step)

    @inline(changes=rax)
    def _used(self) -> U64:
        """Return the number of slots in use."""
        mov(rax, self.put)
        sub(rax, self.got)
        return rax

    @function(sleeps=True)
    def _wait_and_put(self, number: Keep[U64]) -> None:
        """Put a number into a slot as soon as one is free. The mutex is held."""
        with while_(lambda: self._used() == SLOTS):
            self.conditions.wait(address_of(self.not_full), address_of(self.mutex))
        self._put_one(number)
        tail(self.conditions.signal, address_of(self.not_empty))

    @function(sleeps=True)
    def _wait_and_get(self) -> None:
        """Take a number from a slot as soon as there is one. The mutex is held."""
        with while_(lambda: self._used() == 0):
            self.conditions.wait(address_of(self.not_empty), address_of(self.mutex))
        self._get_one()
        tail(self.conditions.signal, address_of(self.not_full))

    # Reader-writer locks

    @function(sleeps=True)
    def try_rwlock(self) -> U32:
        """Readers never see what a writer has half done, and nothing that is written is lost."""
        self._work(self._read_or_write)
        whole = self._compare(self.violations, 0)
        with if_(whole == 0):
            ret(0)
        tail(self._compare, self.value, PAIRS * ROUNDS)

    @function(sleeps=True, context="thread")
    def _read_or_write(self, number: Keep[U64]) -> None:
        """Even threads write, odd ones read."""
        with for_(keep(U32), 0, ROUNDS):
            with if_(number & 1):
                self._read_both()
            with else_():
                self._write_both()

    @function(sleeps=True)
    def _read_both(self) -> None:
        """Count a violation if the numbers differ."""
        seen = keep(U64)
        self.rwlocks.lock_read(address_of(self.shared))
        mov(seen, self.value)
        self.scheduler.yield_now()
        with if_(seen != self.second):
            lock.inc(self.violations)
        tail(self.rwlocks.unlock_read, address_of(self.shared))

    @function(sleeps=True)
    def _write_both(self) -> None:
        """Add 1 to both numbers, one after the other."""
        self.rwlocks.lock_write(address_of(self.shared))
        inc(self.value)
        self.scheduler.yield_now()
        inc(self.second)
        tail(self.rwlocks.unlock_write, address_of(self.shared))

    # Once

    @function(sleeps=True)
    def try_once(self) -> U32:
        """It is done once, and no thread continues before it is done."""
        with unshared(self.once):  # the threads that use it start later
            mov(self.once.progress, 0)
        self._work(self._run_once)
        whole = self._compare(self.violations, 0)
        with if_(whole == 0):
            ret(0)
        tail(self._compare, self.value, 1)

    @function(sleeps=True, context="thread")
    def _run_once(self, number: U64) -> None:
        """Count a violation if it is not done after the call."""
        self.onces.run(address_of(self.once), address_of(self._begin_and_end))
        with if_(self.second != 1):
            lock.inc(self.violations)

    @function(sleeps=True, context="thread")
    def _begin_and_end(self) -> None:
        """Do what must be done once."""
        inc(self.value)
        self.scheduler.yield_now()
        inc(self.second)

    # Benchmarks

    @function(sleeps=True)
    def lock_and_unlock(self, count: U32) -> None:
        """Lock and unlock a mutex that nobody else wants."""
        with for_(keep(U32), 0, keep(count)), self.mutexes.held(self.mutex):
            nop()

    @function(sleeps=True)
    def give_and_take(self, count: U32) -> None:
        """Give a semaphore and take it."""
        with for_(keep(U32), 0, keep(count)):
            self.semaphores.up(address_of(self.filled))
            self.semaphores.down(address_of(self.filled))
