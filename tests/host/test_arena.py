"""Ranges of addresses, against Python's idea of what is free."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernel.contents import CONTENTS
from kernel.cpu.pagetable import PAGE
from kernel.mm.addressrange import RangeUse
from kernel.mm.arena import Arena
from kernel.mm.pages import Pages
from kernel.paging.addresses import Area
from pykasm import *
from pykasm.hostrun import Host, stand_ins
from tests.host.memory_support import frame_address

BASE = 0x10_0000
PAGES = 1000
"""The addresses of the tests."""

ROOM = 64
"""Pages of physical memory for records, from page 1 on."""


class Bench:
    """An arena and its host."""

    def __init__(self) -> None:
        parts = Parts(CONTENTS, instead=stand_ins(Pages))
        self.source, self.arena = parts[Pages], parts[Arena]
        self.host = Host(self.arena)
        self.host.map(Area.DIRECT_MAP, ROOM * PAGE)
        self.host.map(frame_address(0), PAGE)
        self.host.checkpoint()

    def start(self) -> None:
        """Begin with all addresses free."""
        self.host.reset()
        self.free = list(range(PAGE, ROOM * PAGE, PAGE))
        self.host.stub(self.source.allocate_page, lambda: self.free.pop() if self.free else 0)
        self.host.stub(self.source.free_page, self.free.append)
        assert self.host.call(self.arena.start, BASE, BASE + PAGES * PAGE) == 1

    def allocate(self, pages: int) -> Any:
        """A range, or None."""
        found = self.host.call(self.arena.allocate, pages, RangeUse.MEMORY)
        return found or None


@pytest.fixture(scope="module")
def bench() -> Bench:
    return Bench()


def gaps(used: dict[int, int]) -> list[tuple[int, int]]:
    """The free ranges between those in use: first page and count."""
    result, at = [], 0
    for start, count in [*sorted(used.items()), (PAGES, 0)]:
        if start > at:
            result.append((at, start - at))
        at = start + count
    return result


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 300))))
@settings(deadline=None)
def test_ranges_are_the_smallest_that_fit_and_join_again(bench: Bench, steps: list[Any]) -> None:
    bench.start()
    used: dict[int, int] = {}
    held: dict[int, Any] = {}
    for take, number in steps:
        if take:
            fitting = [gap for gap in gaps(used) if gap[1] >= number]
            found = bench.allocate(number)
            assert (found is None) == (not fitting)
            if found is not None:
                start = (found.by_address.key - BASE) // PAGE
                assert min(count for _, count in fitting) in (
                    count for first, count in fitting if first == start
                )
                used[start] = number
                held[start] = found
        elif used:
            start = sorted(used)[number % len(used)]
            del used[start]
            bench.host.call(bench.arena.free, held.pop(start))
    for start, one in held.items():
        address = BASE + start * PAGE
        assert int(bench.host.call(bench.arena.find, address)) == int(one)
    for one in held.values():
        bench.host.call(bench.arena.free, one)
    assert len(bench.free) == ROOM - 2  # the one range that is left has a page
    assert bench.allocate(PAGES) is not None


def test_nothing_is_found_where_no_range_starts(bench: Bench) -> None:
    bench.start()
    bench.allocate(3)
    assert int(bench.host.call(bench.arena.find, BASE)) != 0
    assert int(bench.host.call(bench.arena.find, BASE + PAGE)) == 0


def test_without_memory_for_a_record_nothing_changes(bench: Bench) -> None:
    bench.start()
    held = []
    bench.free.clear()
    while one := bench.allocate(1):
        held.append(one)
    assert 0 < len(held) < PAGES
    whole = bench.allocate(PAGES - len(held))
    assert whole is not None
    for one in (*held, whole):
        bench.host.call(bench.arena.free, one)
    assert bench.allocate(PAGES) is not None
