"""Deferred work, against Python's idea of what is done when."""

from __future__ import annotations

from itertools import count
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.interrupts.dispatcher import Dispatcher
from kernel.interrupts.vectors import InterruptVector
from kernel.interrupts.work import Performer, Work, WorkState
from kernel.irq.deferred import TIME_LIMIT, Deferred
from kernel.sched.thread import ThreadState
from pykasm import *
from tests.host.threads_support import Kernel

ITEMS = 6
LOG = 256
NEVER = 0xFF
MOST_TO_ADD = 40
MOST_TO_DO_ONE = 130


class Items(Subsystem):
    """Work that notes when it is done, and has other work done."""

    works = bss(Work * ITEMS)
    adds = bss(U8 * ITEMS)
    """Which work each has done after it, the first time; NEVER for none."""
    log = bss(U8 * LOG)
    length = bss(U64)

    def __init__(self, deferred: Deferred) -> None:
        self.deferred = deferred

    @function(exported=True)
    def prepare(self) -> None:
        """Make all idle."""
        with for_(scratch(U64), 0, ITEMS) as index:
            work = scratch(Ptr[Work])
            point_at(work, self.works, index)
            lea(rax, self.act)
            mov(work.handler, rax)

    @function(exported=True)
    def add(self, index: U64) -> None:
        """Have one of them done."""
        work = scratch(Ptr[Work])
        point_at(work, self.works, index)
        tail(self.deferred.add, work)

    @function(context="deferred")
    def act(self, work: Ptr[Work]) -> None:
        """Note the number of `work`, and add what it adds."""
        lea(rax, self.works)
        sub(u64(work), rax)
        mov(rax, work)
        xor(edx, edx)
        mov(ecx, sizeof(Work))
        div(rcx)
        mov(rcx, self.length)
        mov(self.log[rcx], al)
        inc(self.length)
        mov(cl, NEVER)
        xchg(cl, self.adds[rax])
        movzx(ecx, cl)
        with if_(cl != NEVER):
            tail(self.add, rcx)

    @function(exported=True)
    def end_interrupt(self) -> None:
        """What is done behind an interrupt."""
        cli()
        with if_(self.deferred.is_waiting()):
            self.deferred.finish_interrupt()
        sti()

    @function(exported=True)
    def yield_now(self) -> None:
        """Run the thread for deferred work."""
        tail(self.deferred.scheduler.yield_now)


class Bench:
    """One processor's queue, on a host."""

    def __init__(self, *, begun: bool = True) -> None:
        kernel = self.kernel = Kernel()
        self.deferred = kernel.parts[Deferred]
        self.dispatcher = kernel.parts[Dispatcher]
        self.items = Items(self.deferred)
        self.host = kernel.host(self.items)
        self.sent: list[tuple[int, int]] = []
        self.host.stub(kernel.apic.send, lambda apic, vector: self.sent.append((apic, vector)))
        self.host.call(self.deferred.start_first)
        self.host.call(self.items.prepare)
        if begun:
            self.host.call(self.items.yield_now)  # the thread begins to wait
        self.host.checkpoint()

    def reset(self, adds: dict[int, int] | None = None, tick: int = 0) -> None:
        """Begin anew, with items that add others, and a clock that goes on by so much each time
        that somebody looks."""
        self.kernel.reset(self.host)
        self.sent.clear()
        ticks = count(0, tick) if tick else None
        self.host.stub(self.kernel.clock.now, lambda: next(ticks) if ticks else 0)
        for index in range(ITEMS):
            self.host[self.items.adds[index]] = (adds or {}).get(index, NEVER)

    def add(self, *indexes: int, serving: bool = True) -> None:
        """Add work, in an interrupt or outside of one."""
        self.host[self.dispatcher.serving] = int(serving)
        for index in indexes:
            self.host.call(self.items.add, index)
        self.host[self.dispatcher.serving] = 0

    def end_interrupt(self) -> list[int]:
        """What is done at the end of an interrupt."""
        return self.done_by(self.items.end_interrupt)

    def yield_now(self) -> list[int]:
        """What is done while the thread that runs lets others run."""
        return self.done_by(self.items.yield_now)

    def done_by(self, function: Any) -> list[int]:
        """What is done while `function` runs."""
        self.host[self.items.length] = 0
        self.host.call(function)
        return list(self.host[self.items.log])[: self.host[self.items.length]]

    @property
    def queue(self) -> Any:
        return self.host[self.deferred.queue]

    @property
    def thread_state(self) -> int:
        return int(self.host[self.deferred.thread].state)


@pytest.fixture(scope="module")
def bench() -> Bench:
    return Bench()


def expected(queued: list[int], adds: dict[int, int]) -> list[int]:
    """In which order items are done that were `queued` so."""
    waiting, left, done = list(dict.fromkeys(queued)), dict(adds), []
    while waiting:
        item = waiting.pop(0)
        done.append(item)
        added = left.pop(item, None)
        if added is not None and added not in waiting:
            waiting.append(added)
    return done


NUMBERS = st.integers(0, ITEMS - 1)


@given(rounds=st.lists(st.lists(NUMBERS, max_size=8)), adds=st.dictionaries(NUMBERS, NUMBERS))
def test_work_is_done_once_and_in_order(
    bench: Bench, rounds: list[list[int]], adds: dict[int, int]
) -> None:
    bench.reset(adds)
    left, total = dict(adds), 0
    for queued in rounds:
        bench.add(*queued)
        wanted = expected(queued, left)
        assert bench.end_interrupt() == wanted
        left = {item: added for item, added in left.items() if item not in wanted}
        total += len(wanted)
        assert bench.queue.waiting == 0
        assert bench.queue.performer == Performer.NOBODY
    assert bench.queue.done == total
    assert {work.state for work in bench.host[bench.items.works]} == {WorkState.IDLE}
    assert bench.sent == []


def test_work_that_interrupts_add_to_work_is_left_to_that(bench: Bench) -> None:
    bench.reset()
    bench.add(1)
    bench.queue.performer = Performer.INTERRUPT
    assert bench.end_interrupt() == []
    bench.add(2, serving=False)
    assert bench.sent == []
    bench.queue.performer = Performer.NOBODY
    assert bench.end_interrupt() == [1, 2]


def test_outside_of_interrupts_one_is_asked_for(bench: Bench) -> None:
    bench.reset()
    bench.add(3, serving=False)
    assert bench.sent == [(0, InterruptVector.WORK)]
    assert bench.end_interrupt() == [3]


def test_what_takes_too_long_is_left_to_a_thread(bench: Bench) -> None:
    bench.reset(tick=TIME_LIMIT // 2)
    bench.add(0, 1, 2, 3)
    assert bench.thread_state == ThreadState.BLOCKED
    assert bench.end_interrupt() == [0, 1]
    assert bench.queue.performer == Performer.THREAD
    assert bench.queue.left == 1
    assert bench.thread_state == ThreadState.READY
    bench.add(4)
    bench.add(5, serving=False)
    assert bench.sent == []
    assert bench.end_interrupt() == []
    assert bench.yield_now() == [2, 3, 4, 5]
    assert bench.queue.performer == Performer.NOBODY
    assert bench.thread_state == ThreadState.BLOCKED


def test_work_that_is_left_before_the_thread_has_run_at_all_is_done() -> None:
    fresh = Bench(begun=False)
    fresh.reset(tick=TIME_LIMIT)
    assert fresh.thread_state == ThreadState.READY
    fresh.add(0, 1)
    assert fresh.end_interrupt() == [0]
    assert fresh.yield_now() == [1]
    assert fresh.thread_state == ThreadState.BLOCKED


def test_the_thread_serves_more_than_once(bench: Bench) -> None:
    bench.reset(tick=TIME_LIMIT)
    for number in range(3):
        bench.add(0, 1)
        assert bench.end_interrupt() == [0]
        assert bench.yield_now() == [1]
        assert bench.queue.left == number + 1


def test_the_thread_stays_on_its_processor(bench: Bench) -> None:
    bench.reset()
    thread = bench.host[bench.deferred.thread]
    assert thread.pinned == 1
    assert int(thread.run_queue) == bench.host.address(bench.kernel.scheduler.queue)


def test_it_takes_few_instructions(bench: Bench) -> None:
    bench.reset()
    bench.add(0)
    assert bench.host.instructions <= MOST_TO_ADD
    bench.host.call(bench.items.end_interrupt)
    assert bench.host.instructions <= MOST_TO_DO_ONE
