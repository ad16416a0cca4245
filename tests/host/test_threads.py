"""Threads that really change stacks, against Python's idea of whose turn it is."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.clock.timer import Timer
from kernel.sched.runqueue import BOOT_PRIORITY, QUANTUM
from kernel.sched.thread import Entry, Thread
from pykasm import *
from pykasm.hostrun import HostAssertion
from tests.host.threads_support import MOST, Kernel

LOG = 512
MOST_FOR_A_SWITCH = 125


class Actors(Subsystem):
    """What threads of the tests do: they write their number into a log, and let others run."""

    log = bss(U8 * LOG)
    length = bss(U64)

    def __init__(self, kernel: Kernel) -> None:
        self.threads = kernel.threads
        self.scheduler = kernel.scheduler

    @function
    def note(self, number: U8) -> None:
        """Add to the log."""
        mov(rax, self.length)
        mov(self.log[rax], number)
        inc(self.length)

    @contextmanager
    def _each_noted(self, argument: U64) -> Iterator[None]:
        """Note the low byte as often as the second byte says, with the block after each time."""
        number, left = keep(argument), keep(U64)
        mov(left, number)
        shr(left, 8)
        with while_(left != 0):
            self.note(u8(number))
            dec(left)
            yield

    @function(exported=True)
    def act(self, argument: U64) -> None:
        """Note the low byte as often as the second byte says, and yield after each time."""
        with self._each_noted(argument):
            self.scheduler.yield_now()

    @function(exported=True)
    def be_preempted(self, argument: U64) -> None:
        """As `act`, but let a more urgent thread come after each time, instead of yielding."""
        with self._each_noted(argument):
            urgent = self.threads.create(text("urgent"), self.pass_by, 0, BOOT_PRIORITY + 1)
            self.threads.detach(urgent)

    @function
    def pass_by(self, argument: U64) -> None:
        """Do nothing."""

    @function(exported=True)
    def let_time_pass(self, argument: U64) -> None:
        """As `act`, but let a tick come after each time, instead of yielding."""
        with self._each_noted(argument):
            cli()
            self.scheduler.per_cpu.point_at(rdi, self.scheduler.queue.tick)
            self.scheduler.ticks.tick(cast(rdi, Ptr[Timer]))
            sti()
            self.scheduler.preempt_if_due()

    @function(exported=True)
    def take_turns(self, rounds: U64) -> None:
        """Yield so often."""
        left = keep(rounds)
        with while_(left != 0):
            dec(left)
            self.scheduler.yield_now()

    @function(exported=True)
    def rest(self) -> None:
        """Run all others to their ends."""
        thread = scratch(self.scheduler.current)
        mov(thread.priority, 1)
        self.scheduler.yield_now()
        self.scheduler.yield_now()

    @function(exported=True)
    def sleep_with_preemption_disabled(self) -> None:
        """Yield where this thread has said that it keeps its processor."""
        with self.scheduler.preemption_disabled():
            self.scheduler.yield_now()

    @function(exported=True)
    def run(self, entry: Entry, description: Ptr[U64], count: U64) -> None:
        """Start a thread for each word: its argument, and its priority from bit 32 up; then join
        them all, the last one first."""
        entry, description = keep(entry), keep(description)
        count, first = keep(count), keep(count)
        with self.scheduler.preemption_disabled(), while_(count != 0):
            mov(rcx, at(description))
            mov(edx, ecx)
            shr(rcx, 32)
            mov(at(description), self.threads.create(text("actor"), entry, rdx, ecx))
            add(description, sizeof(U64))
            dec(count)
        with while_(first != 0):
            sub(description, sizeof(U64))
            self.threads.join(cast(at(description), Ptr[Thread]))
            dec(first)


def turns(actors: list[tuple[int, int]]) -> list[int]:
    """Who runs when, of actors given by how often they act and their priority."""
    log: list[int] = []
    for priority in sorted({one for _, one in actors}, reverse=True):
        left = [[number, times] for number, (times, own) in enumerate(actors) if own == priority]
        while left:
            number, times = left.pop(0)
            if times:
                log.append(number)
                left.append([number, times - 1])
    return log


class Bench:
    """Actors on a host."""

    def __init__(self) -> None:
        self.kernel = Kernel()
        self.actors = Actors(self.kernel)
        self.host = self.kernel.host(self.actors)

    def reset(self) -> None:
        """Forget all threads."""
        self.kernel.reset(self.host)

    def run(self, actors: list[tuple[int, int]], entry: Any = None) -> list[int]:
        """Run actors, or threads at another `entry`; return what they wrote."""
        words = [
            number | times << 8 | priority << 32 for number, (times, priority) in enumerate(actors)
        ]
        made = self.host.new(U64 * len(words), words)
        self.host.call(self.actors.run, entry or self.actors.act, made, len(words))
        return list(self.host[self.actors.log])[: self.host[self.actors.length]]


@pytest.fixture(scope="module")
def bench() -> Bench:
    return Bench()


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(1, 31)), max_size=6))
def test_the_most_urgent_run_first_and_equals_in_turn(
    bench: Bench, actors: list[tuple[int, int]]
) -> None:
    bench.reset()
    assert bench.run(actors) == turns(actors)


EQUAL = BOOT_PRIORITY - 1


def test_a_thread_that_is_preempted_keeps_its_turn(bench: Bench) -> None:
    bench.reset()
    log = bench.run([(3, EQUAL), (3, EQUAL)], bench.actors.be_preempted)
    assert log == [0, 0, 0, 1, 1, 1]


def test_nobody_is_preempted_so_often_that_others_never_run(bench: Bench) -> None:
    bench.reset()
    times = QUANTUM + 10
    log = bench.run([(times, EQUAL), (times, EQUAL)], bench.actors.be_preempted)
    assert log == [0] * QUANTUM + [1] * QUANTUM + [0] * 10 + [1] * 10


def test_time_ends_turns(bench: Bench) -> None:
    bench.reset()
    log = bench.run([(4, EQUAL), (4, EQUAL)], bench.actors.let_time_pass)
    assert log == [0, 0, 1, 1] * 2


def test_stacks_of_ended_threads_are_used_again(bench: Bench) -> None:
    bench.reset()
    for _ in range(3):
        bench.run([(1, 3), (1, 4)])
    assert len(bench.kernel.allocated) == 2
    assert bench.host[bench.kernel.threads.count] == 1


def test_without_memory_there_is_no_thread(bench: Bench) -> None:
    bench.reset()
    bench.kernel.most = 0
    create = bench.kernel.threads.create
    assert int(bench.host.call(create, "none", bench.actors.act, 0, 1)) == 0
    assert bench.host[bench.kernel.threads.count] == 1


def test_a_detached_thread_gives_its_stack_back_when_it_ends(bench: Bench) -> None:
    bench.reset()
    host, kernel = bench.host, bench.kernel
    with_low_priority = host.call(kernel.threads.create, "actor", bench.actors.act, 0x100, 1)
    host.call(kernel.threads.detach, with_low_priority)
    assert host[kernel.stacks.count] == 0
    host.call(bench.actors.rest)
    assert host[kernel.stacks.count] == 1
    assert host[kernel.threads.count] == 1


def test_a_thread_that_has_ended_can_be_detached(bench: Bench) -> None:
    bench.reset()
    host, kernel = bench.host, bench.kernel
    ended = host.call(kernel.threads.create, "actor", bench.actors.act, 0x100, 31)
    assert host[bench.actors.length] == 1
    assert host[kernel.stacks.count] == 0
    host.call(kernel.threads.detach, ended)
    assert host[kernel.stacks.count] == 1


def test_a_thread_detached_at_its_very_end_gives_its_stack_back_once() -> None:
    bench = Bench()
    host, kernel = bench.host, bench.kernel
    ended: list[Any] = []

    def detach_meanwhile(_: Any) -> None:
        """Another processor has got as far as this when the thread lets go of its lock."""
        host.at(Thread, ended[0]).detached = 1

    host.stub(kernel.waiting.wake_all, detach_meanwhile)
    ended.append(host.call(kernel.threads.create, "actor", bench.actors.act, 0x100, 1))
    host.call(bench.actors.rest)
    host.call(kernel.threads.detach, ended[0])
    assert host[kernel.stacks.count] == 1


def test_a_thread_that_keeps_its_processor_must_not_sleep(bench: Bench) -> None:
    bench.reset()
    with pytest.raises(HostAssertion, match="is_allowed"):
        bench.host.call(bench.actors.sleep_with_preemption_disabled)


def test_a_switch_takes_the_same_few_instructions_however_many_threads_wait(bench: Bench) -> None:
    costs = set()
    for others in (0, MOST - 1):
        bench.reset()
        host, actors = bench.host, bench.actors
        for _ in range(others):
            host.call(bench.kernel.threads.create, "waits", actors.act, 0, BOOT_PRIORITY - 1)
        host.call(bench.kernel.threads.create, "partner", actors.act, 200 << 8, BOOT_PRIORITY)
        taken = []
        for rounds in (10, 11):
            host.call(actors.take_turns, rounds)
            taken.append(host.instructions)
        costs.add(taken[1] - taken[0])
    (cost,) = costs
    assert cost // 2 <= MOST_FOR_A_SWITCH
