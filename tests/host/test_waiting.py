"""Waits: whatever ends them, nothing is lost and nobody sleeps for ever."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.clock.timer import Timer
from kernel.sched.runqueue import BOOT_PRIORITY
from kernel.sched.sleep import Sleep
from kernel.sched.thread import (
    INTERRUPTIBLE,
    KILLABLE,
    UNINTERRUPTIBLE,
    Entry,
    Interruption,
    Thread,
    ThreadState,
)
from kernel.sched.waiting import FOREVER, WaitResult
from kernel.sync.condition import ConditionVariable, ConditionVariables
from kernel.sync.mutex import CONTENDED, Mutex, Mutexes
from kernel.sync.rwlock import ReadWriteLock, ReadWriteLocks
from kernel.sync.semaphore import Semaphore, Semaphores
from pykasm import *
from pykasm.lang.locking import watching_locks
from tests.host.threads_support import Kernel

DEADLINE = 123_456_789
SAVED = (rax, rcx, rdx, rsi, rdi, r8, r9, r10, r11)
"""What a call may change."""


class Event(IntEnum):
    """What is done while a thread waits; 0 ends a row of them."""

    GIVE = 1
    EXPIRE = 2
    KILL = 3
    SIGNAL = 4
    DISTURB = 5
    """Make the thread ready for no reason."""
    YIELD = 6


class Waiter(Subsystem):
    """A thread that waits for one thing or another, and one that does what the tests say."""

    semaphore = bss(Semaphore)
    condition = bss(ConditionVariable)
    mutex = bss(Mutex)
    shared = bss(ReadWriteLock)
    timer = bss(Ptr[Timer])
    """What is armed; null if nothing is."""
    thread = bss(Ptr[Thread])
    """Who waits."""
    target = bss(Ptr[Thread])
    """Whom it waits for, if it joins one."""
    deadline = bss(U64)
    mode = bss(U32)
    result = bss(I32)
    done = bss(U32)
    """How many have done waiting."""

    def __init__(self, kernel: Kernel) -> None:
        self.threads = kernel.threads
        self.scheduler = kernel.scheduler
        self.waiting = kernel.waiting
        self.semaphores = kernel.parts[Semaphores]
        self.mutexes = kernel.parts[Mutexes]
        self.conditions = kernel.parts[ConditionVariables]
        self.rwlocks = kernel.parts[ReadWriteLocks]
        self.sleep = kernel.parts[Sleep]

    def _limits(self) -> tuple[Any, Any]:
        return self.deadline, self.mode

    def _end(self, result: Any) -> None:
        """Note what a wait gave."""
        mov(self.result, result)
        inc(self.done)

    @function(exported=True)
    def take(self, _: U64) -> None:
        """Take from the semaphore."""
        self._end(self.semaphores.down_until(address_of(self.semaphore), *self._limits()))

    @function(exported=True)
    def take_without_limit(self, _: U64) -> None:
        """The same without a time limit."""
        self.semaphores.down(address_of(self.semaphore))
        inc(self.done)

    @function(exported=True)
    def wait(self, _: U64) -> None:
        """Wait for the condition."""
        condition, mutex = address_of(self.condition), address_of(self.mutex)
        with self.mutexes.held(self.mutex):
            self._end(self.conditions.wait_until(condition, mutex, *self._limits()))

    @function(exported=True)
    def lock(self, _: U64) -> None:
        """Lock the mutex, and do not unlock it."""
        self._end(self.mutexes.lock_until(address_of(self.mutex), *self._limits()))

    @function(exported=True)
    def lock_without_limit(self, _: U64) -> None:
        """The same without a time limit."""
        self.mutexes.lock(address_of(self.mutex))
        inc(self.done)

    @function(exported=True)
    def read(self, _: U64) -> None:
        """Lock to read."""
        self._end(self.rwlocks.lock_read_until(address_of(self.shared), *self._limits()))

    @function(exported=True)
    def read_without_limit(self, _: U64) -> None:
        """The same without a time limit."""
        self.rwlocks.lock_read(address_of(self.shared))
        inc(self.done)

    @function(exported=True)
    def write(self, _: U64) -> None:
        """Lock to write."""
        self._end(self.rwlocks.lock_write_until(address_of(self.shared), *self._limits()))

    @function(exported=True)
    def join(self, _: U64) -> None:
        """Wait for the end of `target`."""
        self._end(self.threads.join_until(self.target, *self._limits()))

    @function(exported=True)
    def nap(self, _: U64) -> None:
        """Sleep."""
        self._end(self.sleep.sleep_until(*self._limits()))

    @function(exported=True)
    def do(self, events: U64) -> None:
        """Make these events happen, one for each half of a byte, from the lowest up."""
        left = keep(events)
        with while_(left != 0):
            mov(eax, u32(left))
            and_(eax, 0xF)
            shr(left, 4)
            with switch(eax):
                with case(Event.GIVE):
                    self.semaphores.up(address_of(self.semaphore))
                with case(Event.EXPIRE):
                    self.expire()
                with case(Event.KILL):
                    self.waiting.interrupt(self.thread, Interruption.KILL)
                with case(Event.SIGNAL):
                    self.waiting.interrupt(self.thread, Interruption.SIGNAL)
                with case(Event.DISTURB):
                    self.scheduler.start(self.thread)
                with default():
                    self.scheduler.yield_now()

    @function
    def expire(self) -> None:
        """End the time, if something waits for that."""
        cli()
        with if_(self.timer != 0):
            self.waiting.expire(self.timer)
        sti()
        self.scheduler.preempt_if_due()

    @function(exported=True)
    def begin(self, entry: Entry, priority: U32) -> Ptr[Thread]:
        """Begin to wait in a thread."""
        thread = self.threads.create(text("waiter"), entry, 0, priority)
        ret(thread)

    @function(exported=True)
    def signal(self) -> None:
        """Signal the condition."""
        self.conditions.signal(address_of(self.condition))


@dataclass
class Model:
    """Python's idea of a thread that takes from the semaphore."""

    mode: Interruption
    urgent: bool
    limited: bool
    count: int = 0
    pending: Interruption = UNINTERRUPTIBLE
    begun: bool = False
    taken: bool = False
    result: WaitResult | None = None

    def run(self) -> None:
        """The thread has the processor."""
        if not self.begun:
            self.begun = True
            if self.count:
                self.count -= 1
                self.result = WaitResult.WOKEN
                return
            if not self.urgent:
                return  # where something is pending, others run first
        if self.result is not None:
            return
        if self.taken:
            self.result = WaitResult.WOKEN
        elif self.pending & Interruption.TIMEOUT:
            self.result = WaitResult.TIMED_OUT
        elif self.pending & self.mode:
            self.result = WaitResult.INTERRUPTED

    def happen(self, event: Event) -> None:
        """What an event does."""
        waits = self.begun and self.result is None
        match event:
            case Event.GIVE if waits and not self.taken:
                self.taken = True
            case Event.GIVE:
                self.count += 1
            case Event.EXPIRE if waits and self.limited:
                self.pending |= Interruption.TIMEOUT
            case Event.KILL:
                self.pending |= Interruption.KILL
            case Event.SIGNAL:
                self.pending |= Interruption.SIGNAL
        if self.urgent or event is Event.YIELD:
            self.run()


class Bench:
    """A waiter on a host."""

    def __init__(self, *others: Subsystem) -> None:
        self.kernel = Kernel()
        self.waiter = Waiter(self.kernel)
        self.host = self.kernel.host(self.waiter, *others)

    def reset(self, mode: Interruption = UNINTERRUPTIBLE, deadline: int = DEADLINE) -> None:
        """Forget all threads."""
        self.kernel.reset(self.host)
        self.host.stub(self.kernel.timers.arm, self._arm)
        self.host.stub(self.kernel.timers.cancel_and_wait, self._cancel)
        self.host[self.waiter.mode] = mode
        self.host[self.waiter.deadline] = deadline

    def _arm(self, timer: int, deadline: int) -> None:
        if deadline == DEADLINE:
            self.host[self.waiter.timer] = timer

    def _cancel(self, timer: int) -> int:
        self.host[self.waiter.timer] = 0
        return 1

    def begin(self, entry: Any, priority: int = BOOT_PRIORITY + 1) -> Any:
        """Begin to wait in a thread; one that is no more urgent does so when others yield."""
        thread = self.host.call(self.waiter.begin, entry, priority)
        self.host[self.waiter.thread] = thread
        return self.host.at(Thread, int(thread))

    def do(self, *events: Event) -> None:
        """Make these events happen."""
        self.host.call(self.waiter.do, sum(one << 4 * place for place, one in enumerate(events)))

    @property
    def result(self) -> int | None:
        """What the wait gave; None while it goes on."""
        return int(self.host[self.waiter.result]) if self.host[self.waiter.done] else None

    def is_empty(self, queue: Any) -> bool:
        """Whether nobody waits in `queue`, of a datum."""
        waiters = queue.waiters
        return int(self.host[waiters.next]) in (0, int(self.host.address(waiters)))


@pytest.fixture(scope="module")
def bench() -> Bench:
    return Bench()


MODES = st.sampled_from([UNINTERRUPTIBLE, KILLABLE, INTERRUPTIBLE])
EVENTS = st.lists(st.sampled_from(list(Event)), max_size=12)


@given(MODES, st.booleans(), st.booleans(), EVENTS)
def test_whatever_ends_a_wait_nothing_is_lost(
    bench: Bench, mode: Interruption, urgent: bool, limited: bool, events: list[Event]
) -> None:
    bench.reset(mode, DEADLINE if limited else FOREVER)
    model = Model(mode, urgent, limited)
    thread = bench.begin(bench.waiter.take, BOOT_PRIORITY + urgent)
    if urgent:
        model.run()
    for event in events:
        model.happen(event)
    bench.do(*events)
    for _ in range(2):
        model.happen(Event.YIELD)
        bench.do(Event.YIELD)
    assert bench.result == model.result
    assert bench.host[bench.waiter.semaphore].count == model.count
    if model.result is not None:
        assert thread.wait_mode == UNINTERRUPTIBLE
        assert thread.pending == model.pending & ~Interruption.TIMEOUT
        assert bench.host[bench.waiter.timer] == 0


def test_without_a_deadline_no_timer_is_armed(bench: Bench) -> None:
    bench.reset(deadline=FOREVER)
    bench.begin(bench.waiter.take)
    assert bench.host[bench.waiter.timer] == 0


@pytest.mark.parametrize("ended_by", [Event.EXPIRE, Event.KILL])
def test_who_waits_for_a_condition_has_the_mutex_afterwards(bench: Bench, ended_by: Event) -> None:
    bench.reset(KILLABLE)
    thread = bench.begin(bench.waiter.wait, BOOT_PRIORITY)
    bench.do(Event.YIELD)
    assert bench.host[bench.waiter.mutex].owner == 0
    bench.host.call(bench.waiter.mutexes.lock, bench.host.address(bench.waiter.mutex))
    bench.do(ended_by, Event.YIELD)
    assert bench.result is None
    assert bench.host[bench.waiter.mutex].owner & CONTENDED
    assert bench.is_empty(bench.waiter.condition.queue)
    bench.host.call(bench.waiter.mutexes.unlock, bench.host.address(bench.waiter.mutex))
    assert bench.host[bench.waiter.mutex].owner == thread
    bench.do(Event.YIELD)
    assert (
        bench.result
        == {
            Event.EXPIRE: WaitResult.TIMED_OUT,
            Event.KILL: WaitResult.INTERRUPTED,
        }[ended_by]
    )


def test_a_signal_ends_waiting_for_a_condition(bench: Bench) -> None:
    bench.reset()
    bench.begin(bench.waiter.wait)
    bench.host.call(bench.waiter.signal)
    bench.do(Event.EXPIRE)
    assert bench.result == WaitResult.WOKEN


# Locks


def lock_mutex(bench: Bench) -> int:
    mutex = int(bench.host.address(bench.waiter.mutex))
    bench.host.call(bench.waiter.mutexes.lock, mutex)
    return mutex


def test_a_mutex_for_which_nobody_waits_any_more_is_free_after_it(bench: Bench) -> None:
    bench.reset()
    mutex = lock_mutex(bench)
    bench.begin(bench.waiter.lock)
    bench.do(Event.EXPIRE)
    assert bench.result == WaitResult.TIMED_OUT
    bench.host.call(bench.waiter.mutexes.unlock, mutex)
    assert bench.host[bench.waiter.mutex].owner == 0
    assert bench.host.call(bench.waiter.mutexes.try_lock, mutex) == 1


def test_a_mutex_goes_to_the_next_who_still_waits(bench: Bench) -> None:
    bench.reset()
    mutex = lock_mutex(bench)
    bench.begin(bench.waiter.lock)
    other = bench.begin(bench.waiter.lock_without_limit)
    bench.do(Event.EXPIRE)
    bench.host.call(bench.waiter.mutexes.unlock, mutex)
    assert bench.host[bench.waiter.mutex].owner == other
    assert bench.host[bench.waiter.done] == 2


def test_a_mutex_that_is_free_or_comes_in_time_is_had(bench: Bench) -> None:
    bench.reset()
    first = bench.begin(bench.waiter.lock)
    assert (bench.result, bench.host[bench.waiter.mutex].owner) == (WaitResult.WOKEN, first)
    bench.reset()
    mutex = lock_mutex(bench)
    second = bench.begin(bench.waiter.lock)
    bench.host.call(bench.waiter.mutexes.unlock, mutex)
    assert (bench.result, bench.host[bench.waiter.mutex].owner) == (WaitResult.WOKEN, second)


def test_readers_behind_a_writer_who_gives_up_come_in(bench: Bench) -> None:
    bench.reset()
    shared = bench.host.address(bench.waiter.shared)
    bench.host.call(bench.waiter.rwlocks.lock_read, shared)
    bench.begin(bench.waiter.write)
    bench.begin(bench.waiter.read_without_limit)
    assert bench.host[bench.waiter.shared].readers == 1
    bench.do(Event.EXPIRE)
    assert bench.result == WaitResult.TIMED_OUT
    assert bench.host[bench.waiter.done] == 2
    assert bench.host[bench.waiter.shared].readers == 2
    assert bench.is_empty(bench.waiter.shared.queue)


@pytest.mark.parametrize("interrupted", [False, True])
def test_a_reader_who_gives_up_does_not_read(bench: Bench, interrupted: bool) -> None:
    bench.reset(INTERRUPTIBLE)
    shared = bench.host.address(bench.waiter.shared)
    bench.host.call(bench.waiter.rwlocks.lock_write, shared)
    bench.begin(bench.waiter.read)
    bench.do(Event.SIGNAL if interrupted else Event.EXPIRE)
    assert bench.result == (WaitResult.INTERRUPTED if interrupted else WaitResult.TIMED_OUT)
    bench.host.call(bench.waiter.rwlocks.unlock_write, shared)
    found = bench.host[bench.waiter.shared]
    assert (found.readers, found.writers) == (0, 0)


# Threads and time


def test_who_gives_up_joining_a_thread_may_join_it_later(bench: Bench) -> None:
    bench.reset(deadline=FOREVER)
    target = bench.begin(bench.waiter.take)
    bench.host[bench.waiter.target] = target
    bench.host[bench.waiter.deadline] = DEADLINE
    bench.begin(bench.waiter.join)
    bench.do(Event.EXPIRE)
    assert (bench.result, bench.host[bench.kernel.stacks.count]) == (WaitResult.TIMED_OUT, 0)
    bench.begin(bench.waiter.join)
    bench.do(Event.GIVE)
    assert bench.result == WaitResult.WOKEN
    assert bench.host[bench.waiter.done] == 3
    assert bench.host[bench.kernel.stacks.count] == 1


@pytest.mark.parametrize(
    ("event", "result"), [(Event.EXPIRE, 0), (Event.SIGNAL, WaitResult.INTERRUPTED)]
)
def test_time_or_an_interruption_ends_sleep(bench: Bench, event: Event, result: int) -> None:
    bench.reset(INTERRUPTIBLE)
    bench.begin(bench.waiter.nap)
    bench.do(Event.DISTURB)
    assert bench.result is None
    bench.do(event)
    assert bench.result == result


# What another processor does while this one is on its way from the thread


def on_the_way(bench: Bench, action: Any, take: Any = None) -> list[int]:
    """Do `action` when a thread that waits is BLOCKED and has released the lock of
    its queue, but its processor has not left it; what the thread's states are then."""
    states: list[int] = []
    current = bench.host.at(Thread, int(bench.host[bench.kernel.scheduler.current]))

    def schedule() -> None:
        states.append(int(current.state))
        action(current)
        states.append(int(current.state))

    bench.host.stub(bench.kernel.scheduler.schedule, schedule)
    bench.host.call(take or bench.waiter.take, 0)
    return states


def test_who_is_woken_on_the_way_to_sleep_is_ready() -> None:
    bench = Bench()
    bench.reset()
    give = bench.waiter.semaphores.up
    semaphore = bench.host.address(bench.waiter.semaphore)
    states = on_the_way(bench, lambda current: bench.host.call(give, semaphore))
    assert states == [ThreadState.BLOCKED, ThreadState.READY]
    assert bench.result == WaitResult.WOKEN


def test_who_is_interrupted_on_the_way_to_sleep_is_ready() -> None:
    bench = Bench()
    bench.reset(KILLABLE)
    interrupt = bench.kernel.waiting.interrupt
    states = on_the_way(
        bench, lambda current: bench.host.call(interrupt, int(current), Interruption.KILL)
    )
    assert states == [ThreadState.BLOCKED, ThreadState.READY]
    assert bench.result == WaitResult.INTERRUPTED
    assert bench.is_empty(bench.waiter.semaphore.queue)


def test_who_was_interrupted_just_before_does_not_sleep() -> None:
    bench = Bench()
    bench.reset(KILLABLE)
    current = bench.host.at(Thread, int(bench.host[bench.kernel.scheduler.current]))
    current.pending = Interruption.KILL
    states = on_the_way(bench, lambda current: None)
    assert states == [ThreadState.READY] * 2
    assert bench.result == WaitResult.INTERRUPTED


def test_a_thread_goes_on_where_nothing_but_another_wait_of_it_was_woken() -> None:
    """As with one that was made ready by mistake: it is blocked again, and misses nothing."""
    bench = Bench()
    bench.reset()
    give, semaphore = bench.waiter.semaphores.up, bench.host.address(bench.waiter.semaphore)
    rounds: list[int] = []

    def wake_at_last(current: Any) -> None:
        rounds.append(int(current.state))
        if len(rounds) == 3:
            bench.host.call(give, semaphore)

    on_the_way(bench, wake_at_last)
    assert rounds == [ThreadState.BLOCKED] * 3
    assert bench.result == WaitResult.WOKEN


class Watch(Subsystem):
    """Tells the tests of each lock that is about to be released."""

    def before_taking(self, lock: Any, rank: str, place: Any) -> None:
        """Do nothing."""

    def before_releasing(self, lock: Any, rank: str, place: Any) -> None:
        """Tell of it."""
        for register in SAVED:
            push(register)
        lea(rdi, lock)
        call(self.release)
        for register in reversed(SAVED):
            pop(register)

    def before_breaking(self) -> None:
        """Do nothing."""

    @function
    def release(self, lock: U64) -> None:
        """Answered by the tests."""


@pytest.mark.parametrize("limited", [False, True])
def test_whoever_can_be_found_in_a_queue_is_blocked(limited: bool) -> None:
    """Else a waker would find nobody to make ready, and the thread would block after it."""
    watch = Watch()
    with watching_locks(watch):
        bench = Bench(watch)
    bench.reset()
    host, semaphore = bench.host, bench.waiter.semaphore
    current = host.at(Thread, int(host[bench.kernel.scheduler.current]))
    states: list[int] = []

    def release(lock: int) -> None:
        if lock == int(host.address(semaphore.queue)):
            states.append(0 if bench.is_empty(semaphore.queue) else 1 + int(current.state))

    host.stub(watch.release, release)
    take = bench.waiter.take if limited else bench.waiter.take_without_limit
    give = bench.waiter.semaphores.up
    on_the_way(bench, lambda _: host.call(give, host.address(semaphore)), take)
    assert states == [1 + ThreadState.BLOCKED, 0, 0]
