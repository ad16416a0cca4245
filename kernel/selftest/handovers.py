"""What it costs to let another thread run, and whether that depends on how many there are."""

from __future__ import annotations

from kernel.console.console import Console
from kernel.locks.waitqueue import WaitQueue
from kernel.sched.thread import Entry
from kernel.sched.waiting import Waiting
from kernel.selftest.case import BenchmarkSuite, measure
from kernel.selftest.threadpool import ThreadPool
from kernel.sync.mutex import CONTENDED, Mutex, Mutexes
from kernel.threads.threads import BOOT_PRIORITY
from pykasm import *

FEW, MANY = 10, 10_000
"""Threads that there are beside the one that measures. All but its partner are ready too, but less
urgent."""


class HandOvers(BenchmarkSuite):
    """A thread and its partner, which stay on one processor, let each other go on in turn."""

    going = bss(U32)
    """1 while the partner is to go on."""
    mutex = bss(Mutex)

    def __init__(
        self, console: Console, pool: ThreadPool, waiting: Waiting, mutexes: Mutexes
    ) -> None:
        self.console = console
        self.pool = pool
        self.scheduler = pool.scheduler
        self.threads = pool.threads
        self.waiting = waiting
        self.mutexes = mutexes
        self.queue = bss(WaitQueue)
        """Where the partner waits to be woken."""
        self.benchmarks = [
            measure(f"{name}_among_{count}", run, 1000, prepare, finish)
            for name, run, few, many, finish in (
                ("threads.create_join", self.create, self.few, self.many, self.end),
                ("threads.yield", self.take_turns, self.yield_few, self.yield_many, self.end),
                ("threads.wake_to_run", self.wake, self.wake_few, self.wake_many, self.end_waiter),
                ("sync.mutex_hand_over", self.pass_on, self.lock_few, self.lock_many, self.let_go),
            )
            for count, prepare in ((FEW, few), (MANY, many))
        ]

    # Those who are there

    @function(sleeps=True)
    def few(self) -> U32:
        """Have `FEW` threads that wait for their turn."""
        tail(self.pool.create, self.idle, FEW, BOOT_PRIORITY - 1, 1)

    @function(sleeps=True)
    def many(self) -> U32:
        """Have `MANY`."""
        tail(self.pool.create, self.idle, MANY, BOOT_PRIORITY - 1, 1)

    @function(sleeps=True)
    def prepare(self, entry: Keep[Entry], priority: Keep[U32], others: U64) -> Bool:
        """Create a partner of this priority, and others. Return whether there was memory."""
        mov(self.going, 1)
        made = keep(self.pool.create(self.idle, others, BOOT_PRIORITY - 1, 1))
        and_(made, self.pool.create(entry, 1, priority, 1))
        ret(made)

    @function
    def idle(self, number: U64) -> None:
        """Be one of many."""

    @function(sleeps=True, context="thread")
    def end(self) -> None:
        """End all threads."""
        mov(self.going, 0)
        tail(self.pool.join)

    # Beginning and ending

    @function(sleeps=True)
    def create(self, count: U32) -> None:
        """Create a thread that does nothing, and join it."""
        left = keep(count)
        with while_(left != 0):
            thread = self.threads.create(text("short"), self.idle, 0, BOOT_PRIORITY)
            with if_(thread != 0):
                self.threads.join(thread)
            dec(left)

    # Yielding

    @function(sleeps=True)
    def yield_few(self) -> U32:
        """Begin yielding among `FEW`."""
        tail(self.prepare, address_of(self._take_turns_too), BOOT_PRIORITY, FEW - 1)

    @function(sleeps=True)
    def yield_many(self) -> U32:
        """Begin yielding among `MANY`."""
        tail(self.prepare, address_of(self._take_turns_too), BOOT_PRIORITY, MANY - 1)

    @function(sleeps=True)
    def take_turns(self, count: U32) -> None:
        """Yield half as often as told: each time, the partner yields too."""
        left = keep(count)
        shr(left, 1)
        with while_(left != 0):
            dec(left)
            self.scheduler.yield_now()

    @function(sleeps=True, context="thread")
    def _take_turns_too(self, number: U64) -> None:
        """Yield until told otherwise."""
        with while_(self.going != 0):
            self.scheduler.yield_now()

    # Waking

    @function(sleeps=True)
    def wake_few(self) -> U32:
        """Begin waking among `FEW`."""
        tail(self.prepare, address_of(self.wait), BOOT_PRIORITY + 1, FEW - 1)

    @function(sleeps=True)
    def wake_many(self) -> U32:
        """Begin waking among `MANY`."""
        tail(self.prepare, address_of(self.wait), BOOT_PRIORITY + 1, MANY - 1)

    @function(sleeps=True)
    def wake(self, count: U32) -> None:
        """Wake the partner, which runs at once and waits again."""
        left = keep(count)
        with while_(left != 0):
            self._wake_partner()
            dec(left)

    @inline(changes=CALLER_SAVED)
    def _wake_partner(self) -> None:
        """Run the partner now, if it waits."""
        with self.queue.lock.held():
            ignore(self.waiting.wake_one(address_of(self.queue)))
        self.scheduler.preempt_if_due()

    @function(sleeps=True, context="thread")
    def wait(self, number: U64) -> None:
        """Wait to be woken, until told otherwise. It is more urgent than who wakes it."""
        with self.queue.lock.held(), while_(self.going != 0):
            self.waiting.wait(address_of(self.queue))

    @function(sleeps=True, context="thread")
    def end_waiter(self) -> None:
        """End all threads."""
        mov(self.going, 0)
        self._wake_partner()
        tail(self.pool.join)

    # A mutex

    @function(sleeps=True)
    def lock_few(self) -> U32:
        """Begin to pass a mutex on among `FEW`."""
        tail(self._begin_locking, FEW - 1)

    @function(sleeps=True)
    def lock_many(self) -> U32:
        """Begin to pass a mutex on among `MANY`."""
        tail(self._begin_locking, MANY - 1)

    @function(sleeps=True)
    def _begin_locking(self, others: Keep[U64]) -> U32:
        """Have the mutex, and a partner that waits for it."""
        self.mutexes.lock(address_of(self.mutex))
        made = keep(self.prepare(address_of(self._pass_on_too), BOOT_PRIORITY, others))
        with if_(made != 0), while_((self.mutex.owner & CONTENDED) == 0):
            self.scheduler.yield_now()
        ret(made)

    @function(sleeps=True)
    def pass_on(self, count: U32) -> None:
        """Hand the mutex over half as often as told: each time, the partner hands it back."""
        left = keep(count)
        shr(left, 1)
        with while_(left != 0):
            self.mutexes.unlock(address_of(self.mutex))
            self.mutexes.lock(address_of(self.mutex))
            dec(left)

    @function(sleeps=True, context="thread")
    def _pass_on_too(self, number: U64) -> None:
        """Hand the mutex over until told otherwise."""
        self.mutexes.lock(address_of(self.mutex))
        with while_(self.going != 0):
            self.mutexes.unlock(address_of(self.mutex))
            self.mutexes.lock(address_of(self.mutex))
        self.mutexes.unlock(address_of(self.mutex))

    @function(sleeps=True, context="thread")
    def let_go(self) -> None:
        """Unlock the mutex, and let all threads end."""
        mov(self.going, 0)
        self.mutexes.unlock(address_of(self.mutex))
        tail(self.pool.join)
