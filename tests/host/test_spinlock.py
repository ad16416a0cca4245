"""The ticket lock."""

import pytest

from kernel.sync.spinlock import SpinLock
from pykasm import *
from pykasm.errors import BuildFailed
from pykasm.hostrun import Host, HostFault
from tests.unit.messages import normalised

INTERRUPTS = 1 << 9
"""RFLAGS.IF (AMD64 APM vol. 2, 3.1.6)."""
LAST_TICKET = (1 << 16) - 1


class Counter(Subsystem):
    """A number under a lock."""

    count = bss(U64)
    flags_inside = bss(U64)

    def __init__(self) -> None:
        self.lock = SpinLock()

    @function(exported=True)
    def add(self) -> None:
        with self.lock.held():
            pushfq()
            pop(self.flags_inside)
            inc(self.count)

    @function(exported=True)
    def add_with_interrupts(self) -> U64:
        sti()
        self.add()
        pushfq()
        pop(rax)
        ret(rax)

    @function(exported=True)
    def add_without_interrupts(self) -> U64:
        cli()
        self.add()
        pushfq()
        pop(rax)
        ret(rax)

    @function(exported=True)
    def seize(self) -> None:
        self.lock.break_open()


class Bench:
    """The counter and its host."""

    def __init__(self) -> None:
        self.counter = Counter()
        self.host = Host(self.counter, limit=10_000)

    def set_lock(self, next_ticket: int, now_serving: int) -> None:
        """Put the lock into a state."""
        self.host.reset()
        self.host[self.counter.lock.next_ticket] = next_ticket
        self.host[self.counter.lock.now_serving] = now_serving

    @property
    def lock(self) -> tuple[int, int]:
        """The next ticket and the one being served."""
        lock = self.counter.lock
        return self.host[lock.next_ticket], self.host[lock.now_serving]


@pytest.fixture(scope="module")
def bench() -> Bench:
    return Bench()


def test_a_free_lock_is_taken_and_given_back(bench: Bench) -> None:
    bench.set_lock(7, 7)
    bench.host.call(bench.counter.add)
    assert bench.host[bench.counter.count] == 1
    assert bench.lock == (8, 8)


def test_tickets_wrap(bench: Bench) -> None:
    bench.set_lock(LAST_TICKET, LAST_TICKET)
    bench.host.call(bench.counter.add)
    assert bench.lock == (0, 0)


def test_a_held_lock_is_waited_for_in_line(bench: Bench) -> None:
    bench.set_lock(next_ticket=3, now_serving=2)
    with pytest.raises(HostFault):
        bench.host.call(bench.counter.add)
    assert bench.host[bench.counter.count] == 0
    assert bench.lock == (4, 2)


def test_a_broken_lock_can_be_taken(bench: Bench) -> None:
    bench.set_lock(next_ticket=5, now_serving=2)
    bench.host.call(bench.counter.seize)
    bench.host.call(bench.counter.add)
    assert bench.lock == (6, 6)


def test_interrupts_are_off_inside_and_on_again_after(bench: Bench) -> None:
    bench.set_lock(0, 0)
    assert bench.host.call(bench.counter.add_with_interrupts) & INTERRUPTS
    assert not bench.host[bench.counter.flags_inside] & INTERRUPTS


def test_interrupts_that_were_off_stay_off(bench: Bench) -> None:
    bench.set_lock(0, 0)
    assert not bench.host.call(bench.counter.add_without_interrupts) & INTERRUPTS


class Leaver(Subsystem):
    """Forgets to give its lock back."""

    def __init__(self) -> None:
        self.lock = SpinLock()

    @function(exported=True)
    def leave(self) -> None:
        with self.lock.held():
            ret()


def test_leaving_with_the_lock_held_is_a_mistake() -> None:
    leaver = Leaver()
    with pytest.raises(BuildFailed) as caught:
        Image(leaver.leave, [leaver]).assemble()
    assert (
        normalised(str(caught.value))
        == """\
error[flow]: the function is left while it holds a lock
  FILE:LINE
  LINE |         with self.lock.held():
        |              ^^^^^^^^^^^^^^^^
expected: `ret` and `tail` after the block
got: one of them inside

1 error"""
    )
