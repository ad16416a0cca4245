"""A processor's queue of threads, against Python's lists."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from kernel.sched.runqueue import (
    ALL_PRIORITIES,
    BOOT_PRIORITY,
    PRIORITIES,
    USUAL_PRIORITIES,
    RunQueue,
)
from kernel.structures.list import ListHead
from pykasm import *
from pykasm.hostrun import Host

THREADS = 12
"""Links in the tests; each is a thread's."""


class Bench(Subsystem):
    """The queue's methods as functions."""

    queue = bss(RunQueue)

    @function(exported=True)
    def reset(self) -> None:
        self.queue.reset()

    @function(exported=True)
    def append(self, link: Ptr[ListHead], priority: U32) -> None:
        with self.queue.lock.held():
            self.queue.append(link, priority)

    @function(exported=True)
    def prepend(self, link: Ptr[ListHead], priority: U32) -> None:
        with self.queue.lock.held():
            self.queue.prepend(link, priority)

    @function(exported=True)
    def take_first(self) -> Ptr[ListHead]:
        link = keep(Ptr[ListHead])
        with self.queue.lock.held():
            self.queue.take_first(link)
        ret(link)

    @function(exported=True)
    def remove(self, link: Ptr[ListHead], priority: U32) -> None:
        with self.queue.lock.held():
            self.queue.remove(link, priority)


bench = Bench()
host = Host(bench)


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, PRIORITIES - 1))))
def test_what_comes_first_is_the_most_urgent_that_waited_longest(steps: list[Any]) -> None:
    host.reset()
    host.call(bench.reset)
    links = [host.new(ListHead) for _ in range(THREADS)]
    waiting: list[list[int]] = [[] for _ in range(PRIORITIES)]
    idle = list(range(THREADS))
    for action, priority in steps:
        present = [one for one in range(PRIORITIES) if waiting[one]]
        if action <= 1 and idle:
            number = idle.pop(0)
            waiting[priority].append(number)
            host.call(bench.append, links[number], priority)
        elif action == 2 and present:
            first = waiting[present[-1]].pop(0)
            assert host.call(bench.take_first) == links[first]
            idle.append(first)
        elif action == 3 and present:
            some = present[priority % len(present)]
            number = waiting[some].pop(priority % len(waiting[some]))
            host.call(bench.remove, links[number], some)
            idle.append(number)
        elif action == 4 and idle:
            number = idle.pop(0)
            waiting[priority].insert(0, number)
            host.call(bench.prepend, links[number], priority)
        ready = sum(1 << one for one in range(PRIORITIES) if waiting[one])
        assert host[bench.queue.ready] == ready


def test_what_is_not_eligible_waits_however_urgent_it_is() -> None:
    host.reset()
    host.call(bench.reset)
    urgent, usual = host.new(ListHead), host.new(ListHead)
    host.call(bench.append, urgent, BOOT_PRIORITY + 1)
    host.call(bench.append, usual, BOOT_PRIORITY)
    host[bench.queue.eligible] = USUAL_PRIORITIES
    assert host.call(bench.take_first) == usual
    host[bench.queue.eligible] = ALL_PRIORITIES
    assert host.call(bench.take_first) == urgent
