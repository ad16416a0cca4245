"""Benchmarks of switches between threads, among few and among many threads."""

from __future__ import annotations

from kernel.console.console import Console
from kernel.locks.waitqueue import WaitQueue
from kernel.sched.runqueue import BOOT_PRIORITY
from kernel.sched.thread import Entry
from kernel.sched.waiting import Waiting
from kernel.selftest.case import BenchmarkSuite, measure
from kernel.selftest.threadpool import ThreadPool
from kernel.sync.mutex import CONTENDED, Mutex, Mutexes
from pykasm import *

FEW, MANY = 10, 10_000
"""Threads beside the one that measures. All but its partner are ready, but less urgent."""


class SwitchBenchmarks(BenchmarkSuite):
    """A thread and its partner, on one processor, which run in turn."""

    going = bss(U32)
    """1 while the partner is to continue."""
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
        """The queue in which the partner waits to be woken."""
        self.benchmarks = [
            measure(f"{name}_among_{count}", run, 1000, prepare, finish)
            for name, run, few, many, finish in (
                ("threads.create_join", self.create, self.few, self.many, self.end),
                ("threads.yield", self.take_turns, self.yield_few, self.yield_many, self.end),
                ("threads.wake_to_run", self.wake, self.wake_few, self.wake_many, self.end_waiter),
                (
                    "sync.mutex_hand_over",
                    self.pass_mutex,
                    self.lock_few,
                    self.lock_many,
                    self.unlock_and_end,
                ),
            )
            for count, prepare in ((FEW, few), (MANY, many))
        ]

    # Threads

    @function(sleeps=True)
    def few(self) -> Bool:
        """Create `FEW` threads that are ready. Return whether there was memory."""
        tail(self.pool.create, self.idle, FEW, BOOT_PRIORITY - 1, 1)

    @function(sleeps=True)
    def many(self) -> Bool:
        """Create `MANY` threads that are ready. Return whether there was memory."""
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
        """Do nothing."""

    @function(sleeps=True, context="thread")
    def end(self) -> None:
        """End all threads."""
        mov(self.going, 0)
        tail(self.pool.join)

    # Creating

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
    def yield_few(self) -> Bool:
        """Prepare `take_turns` among `FEW` threads."""
        tail(self.prepare, address_of(self._yield_back), BOOT_PRIORITY, FEW - 1)

    @function(sleeps=True)
    def yield_many(self) -> Bool:
        """Prepare `take_turns` among `MANY` threads."""
        tail(self.prepare, address_of(self._yield_back), BOOT_PRIORITY, MANY - 1)

    @function(sleeps=True)
    def take_turns(self, count: U32) -> None:
        """Yield `count / 2` times; each time, the partner yields, too."""
        left = keep(count)
        shr(left, 1)
        with while_(left != 0):
            dec(left)
            self.scheduler.yield_now()

    @function(sleeps=True, context="thread")
    def _yield_back(self, number: U64) -> None:
        """Yield until `going` is cleared."""
        with while_(self.going != 0):
            self.scheduler.yield_now()

    # Waking

    @function(sleeps=True)
    def wake_few(self) -> Bool:
        """Prepare `wake` among `FEW` threads."""
        tail(self.prepare, address_of(self.wait), BOOT_PRIORITY + 1, FEW - 1)

    @function(sleeps=True)
    def wake_many(self) -> Bool:
        """Prepare `wake` among `MANY` threads."""
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
        """Wait to be woken, until `going` is cleared, in a thread more urgent than the one that
        wakes."""
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
    def lock_few(self) -> Bool:
        """Prepare `pass_mutex` among `FEW` threads."""
        tail(self._begin_locking, FEW - 1)

    @function(sleeps=True)
    def lock_many(self) -> Bool:
        """Prepare `pass_mutex` among `MANY` threads."""
        tail(self._begin_locking, MANY - 1)

    @inline(changes=rdi)
    def _mutex(self) -> Ptr[Mutex]:
        """Return the address of the mutex. Only pointers lead to who locks it and to who
        unlocks it, so no name of the lock could say that they are a pair."""
        lea(rdi, self.mutex)
        return cast(rdi, Ptr[Mutex])

    @function(sleeps=True)
    def _begin_locking(self, others: Keep[U64]) -> Bool:
        """Lock the mutex, and create a partner that waits for it. Return whether there was
        memory."""
        self.mutexes.lock(self._mutex())
        made = keep(self.prepare(address_of(self._pass_mutex_back), BOOT_PRIORITY, others))
        with if_(made), while_((self.mutex.owner & CONTENDED) == 0):
            self.scheduler.yield_now()
        ret(made)

    @function(sleeps=True)
    def pass_mutex(self, count: U32) -> None:
        """Unlock and lock the mutex `count / 2` times; each time, the partner does, too."""
        left = keep(count)
        shr(left, 1)
        with while_(left != 0):
            self.mutexes.unlock(self._mutex())
            self.mutexes.lock(self._mutex())
            dec(left)

    @function(sleeps=True, context="thread")
    def _pass_mutex_back(self, number: U64) -> None:
        """Unlock and lock the mutex until `going` is cleared."""
        self.mutexes.lock(address_of(self.mutex))
        with while_(self.going != 0):
            self.mutexes.unlock(address_of(self.mutex))
            self.mutexes.lock(address_of(self.mutex))
        self.mutexes.unlock(address_of(self.mutex))

    @function(sleeps=True, context="thread")
    def unlock_and_end(self) -> None:
        """Unlock the mutex, and end all threads."""
        mov(self.going, 0)
        self.mutexes.unlock(self._mutex())
        tail(self.pool.join)
