"""Waits that something else ends than what is waited for."""

from __future__ import annotations

from kernel.clock.clock import Clock
from kernel.clock.units import Nanoseconds
from kernel.console.console import Console
from kernel.errno import Errno
from kernel.sched.runqueue import BOOT_PRIORITY
from kernel.sched.thread import INTERRUPTIBLE, UNINTERRUPTIBLE, Interruption
from kernel.sched.waiting import FOREVER, Waiting
from kernel.selftest.case import TestSuite, check
from kernel.selftest.threadpool import THREADS, ThreadPool
from kernel.sync.condition import ConditionVariable, ConditionVariables
from kernel.sync.mutex import Mutex, Mutexes
from kernel.sync.rwlock import ReadWriteLock, ReadWriteLocks
from kernel.sync.semaphore import Semaphore, Semaphores
from pykasm import *

SHORT = 2_000_000
LONG = 1_000_000_000_000
"""Nanoseconds: those of a wait that is to end by itself, and of one that is not."""

ROUNDS = 200
"""What each thread of the pool does, so often."""
TAKEN = 25
"""What each thread takes that is interrupted. Few, as all of them ask for one spin lock at once:
that takes long where processors are threads of a busy host."""
STEP = 500
"""Nanoseconds by which each wait of a thread is longer than the one before."""


class WaitTests(TestSuite):
    """Threads wait for what may come, or come too late, or until they are interrupted."""

    semaphore = bss(Semaphore)
    condition = bss(ConditionVariable)
    mutex = bss(Mutex)
    signalled = bss(U32)
    """1 once the condition is so; by the mutex."""
    taken = bss(U64)
    """How often threads got one."""
    shared = bss(ReadWriteLock)
    held = bss(Semaphore)
    """Given once a thread has locked the mutex, and `shared`."""
    result = bss(I32)
    """What the wait of a thread gave."""

    def __init__(
        self,
        console: Console,
        pool: ThreadPool,
        clock: Clock,
        waiting: Waiting,
        semaphores: Semaphores,
        conditions: ConditionVariables,
        mutexes: Mutexes,
        rwlocks: ReadWriteLocks,
    ) -> None:
        self.console = console
        self.pool = pool
        self.clock = clock
        self.waiting = waiting
        self.semaphores = semaphores
        self.conditions = conditions
        self.mutexes = mutexes
        self.rwlocks = rwlocks
        self.tests = [
            check("sync.time_limit_passes", self.time_limit_passes),
            check("sync.given_before_time_limit", self.given_before_time_limit),
            check("sync.time_limits_race", self.time_limits_race),
            check("sync.locks_have_time_limits", self.locks_have_time_limits),
            check("sync.interruption", self.interruption),
            check("sync.interruptions_race", self.interruptions_race),
        ]

    @function
    def _judge(self, result: I32, wanted: I32) -> U32:
        """Return PASSED if a wait returned what it should; else print both and return FAILED."""
        with if_(result == wanted):
            ret(1)
        self.console.print("the wait gives %d, not %d: ", result, wanted)
        ret(0)

    @function
    def _judge_time(self, result: Keep[I32], deadline: Keep[Nanoseconds]) -> U32:
        """Return PASSED if a wait ended at its time limit, and not before; else print that and
        return FAILED."""
        with if_(self.clock.now() < deadline):
            self.console.print("too early: ")
            ret(0)
        tail(self._judge, result, -Errno.ETIMEDOUT)

    @function(sleeps=True)
    def time_limit_passes(self) -> U32:
        """A wait for what never comes ends when the time has come, with the mutex held."""
        deadline = keep(self.clock.after(SHORT))
        passed = keep(
            self._judge_time(
                self.semaphores.down_until(address_of(self.semaphore), deadline, UNINTERRUPTIBLE),
                deadline,
            )
        )
        mov(deadline, self.clock.after(SHORT))
        with self.mutexes.held(self.mutex):
            and_(passed, self._judge_time(self._wait_until(deadline), deadline))
        ret(passed)

    @function(sleeps=True)
    def _wait_until(self, deadline: Nanoseconds) -> OrErrno[I32]:
        """Wait for the condition. The mutex is held."""
        condition, mutex = address_of(self.condition), address_of(self.mutex)
        ret(self.conditions.wait_until(condition, mutex, deadline, UNINTERRUPTIBLE))

    @function(sleeps=True)
    def given_before_time_limit(self) -> U32:
        """A wait for what comes in time succeeds."""
        deadline, passed = keep(self.clock.after(LONG)), keep(U32)
        mov(passed, self.pool.create(self._up_and_signal, THREADS, BOOT_PRIORITY - 1, 0))
        with if_(passed == 1), for_(keep(U32), 0, THREADS):
            result = self.semaphores.down_until(
                address_of(self.semaphore), deadline, UNINTERRUPTIBLE
            )
            and_(passed, self._judge(result, 0))
        mov(self.signalled, 0)
        and_(passed, self.pool.create(self._up_and_signal, 1, BOOT_PRIORITY - 1, 0))
        with self.mutexes.held(self.mutex), while_((self.signalled == 0) & (passed == 1)):
            and_(passed, self._judge(self._wait_until(deadline), 0))
        self.pool.join()
        mov(self.semaphore.count, 0)
        ret(passed)

    @function(sleeps=True, context="thread")
    def _up_and_signal(self, number: U64) -> None:
        """Increment the semaphore, and signal the condition."""
        self.semaphores.up(address_of(self.semaphore))
        with self.mutexes.held(self.mutex):
            mov(self.signalled, 1)
            self.conditions.signal(address_of(self.condition))

    @function(sleeps=True)
    def time_limits_race(self) -> U32:
        """Some give while others take with limits so short that many pass: nothing is lost, and
        nothing is taken twice."""
        mov(self.taken, 0)
        made = keep(self.pool.run(self._up_or_down))
        mov(rax, self.taken)
        add(rax, self.semaphore.count)
        mov(self.semaphore.count, 0)
        with if_(made & (rax == THREADS // 2 * ROUNDS)):
            ret(1)
        self.console.print("%u taken or left, of %u: ", rax, THREADS // 2 * ROUNDS)
        ret(0)

    @function(sleeps=True, context="thread")
    def _up_or_down(self, number: Keep[U64]) -> None:
        """Increment the semaphore in even threads; decrement it with time limits in odd ones."""
        limit = keep(U64)
        xor(u32(limit), u32(limit))
        with for_(keep(U32), 0, ROUNDS):
            with if_(number & 1):
                self._try_until(self.clock.after(limit))
                add(limit, STEP)  # so that some limits pass just as the semaphore is incremented
            with else_():
                self.semaphores.up(address_of(self.semaphore))
                self.pool.scheduler.yield_now()

    @function(sleeps=True)
    def _try_until(self, deadline: Nanoseconds) -> None:
        """Decrement the semaphore in time, and count it if that succeeds."""
        result = self.semaphores.down_until(address_of(self.semaphore), deadline, UNINTERRUPTIBLE)
        with if_(result == 0):
            lock.inc(self.taken)

    # Locks

    @function(sleeps=True)
    def locks_have_time_limits(self) -> U32:
        """Who waits for a lock, or for the end of a thread, continues when the time has come, and
        gets it if that comes before."""
        passed = keep(self.pool.create(self._hold, 1, BOOT_PRIORITY, 0))
        with if_(~passed):
            ret(0)
        self.semaphores.down(address_of(self.held))  # until the locks are held
        and_(passed, self._try_locks(SHORT, -Errno.ETIMEDOUT))
        self.semaphores.up(address_of(self.semaphore))
        and_(passed, self._try_locks(LONG, 0))
        ret(passed)

    @function(sleeps=True, context="thread")
    def _hold(self, number: U64) -> None:
        """Hold both locks until the semaphore is incremented."""
        with self.mutexes.held(self.mutex):
            self.rwlocks.lock_write(address_of(self.shared))
            self.semaphores.up(address_of(self.held))
            self.semaphores.down(address_of(self.semaphore))
            self.rwlocks.unlock_write(address_of(self.shared))

    @function(sleeps=True)
    def _try_locks(self, limit: Keep[U64], wanted: Keep[I32]) -> U32:
        """Return PASSED if all waits for what `_hold` holds, and for its end, return `wanted`
        within `limit` nanoseconds, else FAILED."""
        passed, result = keep(U32), keep(I32)
        mov(passed, 1)
        mutexes, rwlocks = self.mutexes, self.rwlocks
        for lock_until, unlock, target in (
            (mutexes.lock_until, mutexes.unlock, self.mutex),
            (rwlocks.lock_read_until, rwlocks.unlock_read, self.shared),
            (rwlocks.lock_write_until, rwlocks.unlock_write, self.shared),
        ):
            deadline = self.clock.after(limit)
            mov(result, lock_until(address_of(target), deadline, UNINTERRUPTIBLE))
            and_(passed, self._judge(result, wanted))
            with if_(result == 0):
                unlock(address_of(target))
        deadline = self.clock.after(limit)
        thread = self.pool.running[0]
        mov(result, self.pool.threads.join_until(thread, deadline, UNINTERRUPTIBLE))
        with if_(result == 0):
            mov(self.pool.count, 0)  # joined already
        and_(passed, self._judge(result, wanted))
        ret(passed)

    # Interruptions

    @function(sleeps=True)
    def interruption(self) -> U32:
        """A thread that waits without a time limit continues when it is interrupted."""
        made = self.pool.create(self._wait_until_interrupted, 1, BOOT_PRIORITY, 0)
        with if_(~made):
            ret(0)
        self.waiting.interrupt(self.pool.running[0], Interruption.SIGNAL)
        self.pool.join()
        tail(self._judge, self.result, -Errno.EINTR)

    @function(sleeps=True, context="thread")
    def _wait_until_interrupted(self, number: U64) -> None:
        """Wait for what never comes."""
        mov(self.result, self._down_interruptibly())

    @function(sleeps=True)
    def _down_interruptibly(self) -> OrErrno[I32]:
        """Decrement the semaphore, unless this thread is interrupted."""
        tail(self.semaphores.down_until, address_of(self.semaphore), FOREVER, INTERRUPTIBLE)

    @function(sleeps=True)
    def interruptions_race(self) -> U32:
        """All that is given is taken, however often those who take are interrupted."""
        passed = keep(self.pool.create(self._down_despite_interruptions, THREADS, BOOT_PRIORITY, 0))
        number = keep(U64)
        with if_(passed == 1), for_(number, 0, THREADS * TAKEN):
            self.semaphores.up(address_of(self.semaphore))
            mov(rcx, number)
            and_(ecx, THREADS - 1)
            self.waiting.interrupt(self.pool.running[rcx], Interruption.SIGNAL)
            with if_(number & 1):
                self.pool.scheduler.yield_now()
        self.pool.join()
        with if_((passed == 1) & (self.semaphore.count == 0)):
            ret(1)
        self.console.print("%u were left: ", self.semaphore.count)
        mov(self.semaphore.count, 0)
        ret(0)

    @function(sleeps=True, context="thread")
    def _down_despite_interruptions(self, number: U64) -> None:
        """Decrement the semaphore TAKEN times, and try again whenever this thread is
        interrupted."""
        left = keep(U32)
        mov(left, TAKEN)
        with while_(left != 0):
            with if_(self._down_interruptibly() == 0):
                dec(left)
            with else_():
                self.waiting.clear(self.pool.scheduler.current, INTERRUPTIBLE)
