"""Memory for the registers of x87, SSE and AVX; that they are kept apart only a machine shows."""

from typing import Any

import pytest

from kernel.contents import CONTENTS
from kernel.errno import Errno
from kernel.mm.pages import Pages
from kernel.paging.addresses import Area
from kernel.sched.thread import Thread
from kernel.sched.xstate import ExtendedState, SaveArea
from kernel.threads.areas import SaveAreas
from pykasm import *
from pykasm.hostrun import Host, stand_ins

PAGE_FOR_IT = 0x5000


class FakeState(Subsystem):
    """Threads have areas, and the processor does not notice."""

    @function
    def attach(self, thread: Ptr[Thread], area: Ptr[SaveArea]) -> None:
        """Note the area."""
        mov(thread.extended, u64(area))

    @function
    def give(self, thread: Ptr[Thread], area: Ptr[SaveArea]) -> None:
        """Note the area."""
        tail(self.attach, thread, area)

    @function
    def copy(self, thread: Ptr[Thread], area: Ptr[SaveArea], current: Ptr[Thread]) -> None:
        """Note the area."""
        tail(self.attach, thread, area)

    @function
    def take(self, thread: Ptr[Thread]) -> Ptr[SaveArea]:
        """Forget it."""
        mov(rax, thread.extended)
        mov(thread.extended, 0)
        ret(cast(rax, Ptr[SaveArea]))


class Bench:
    """A host with a thread."""

    def __init__(self) -> None:
        silent: dict[type[Any], Any] = {ExtendedState: FakeState(), **stand_ins(Pages)}
        parts = Parts(CONTENTS, instead=silent)
        self.pages, self.areas = parts[Pages], parts[SaveAreas]
        self.host = Host(self.areas)
        self.page = PAGE_FOR_IT
        self.given = self.host.stub(self.pages.allocate_zeroed, lambda: self.page)
        self.freed: list[int] = []
        self.host.stub(self.pages.free_page, self.freed.append)
        self.thread: Any = self.host.new(Thread)


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_who_asks_gets_a_page_that_is_given_back(bench: Bench) -> None:
    assert bench.host.call(bench.areas.use, bench.thread) == 0
    assert bench.thread.extended == Area.DIRECT_MAP + PAGE_FOR_IT
    bench.host.call(bench.areas.drop, bench.thread)
    assert (bench.thread.extended, bench.freed) == (0, [PAGE_FOR_IT])


def test_asking_again_changes_nothing(bench: Bench) -> None:
    for _ in range(2):
        assert bench.host.call(bench.areas.use, bench.thread) == 0
    assert len(bench.given.calls) == 1


def test_who_never_asked_has_nothing_to_give_back(bench: Bench) -> None:
    bench.host.call(bench.areas.drop, bench.thread)
    assert bench.freed == []


def test_who_has_never_run_gets_a_page_too(bench: Bench) -> None:
    assert bench.host.call(bench.areas.give, bench.thread) == 0
    assert bench.thread.extended == Area.DIRECT_MAP + PAGE_FOR_IT


def test_without_memory_the_thread_goes_on_without_registers(bench: Bench) -> None:
    bench.page = 0
    assert bench.host.call(bench.areas.use, bench.thread) == -Errno.ENOMEM
    assert bench.thread.extended == 0
