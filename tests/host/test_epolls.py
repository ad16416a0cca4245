"""Sets of files that are waited for, against a model of what is told when."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernel.errno import Errno
from kernel.fs.anonymousfiles import AnonymousFiles
from kernel.fs.epoll import Epoll, EpollEvent, EpollFlag
from kernel.fs.epollitems import EpollItems
from kernel.fs.epolls import Epolls
from kernel.fs.eventcounters import EventCounters
from kernel.fs.file import File
from kernel.fs.openflag import OpenFlag
from kernel.fs.subject import Subject
from kernel.sync.pollqueue import ALWAYS, PollEvent
from kernel.vm.usercopy import UserCopy
from tests.host.files_support import FileMachine

FILES = 4
EVENT = struct.Struct("<IQ")
MOST = 100
FULL = (1 << 64) - 2
"""What fills a counter, so that nothing can be written."""


@pytest.fixture(scope="module")
def machine() -> FileMachine:
    return FileMachine(AnonymousFiles, EventCounters, Epolls)


@dataclass
class Watch:
    """An item, as the model has it."""

    wanted: int
    data: int
    news: bool


class Model:
    """Counters in a set, here and in the kernel."""

    def __init__(self, machine: FileMachine) -> None:
        self.machine = machine
        machine.start()
        machine.call(machine.parts[AnonymousFiles].start)
        self.at_rest = machine.used()
        self.told: list[tuple[int, int]] = []
        machine.host.stub(machine.parts[UserCopy].copy_out, self._take)
        self.credentials = machine.host.at(Subject, machine.root).credentials
        self.set = self.new_set()
        self.counters = [self._counter() for _ in range(FILES)]
        self.values = [0] * FILES
        self.watches: dict[int, Watch] = {}

    def new_set(self) -> int:
        """The open file of an empty set."""
        create = self.machine.parts[Epolls].create
        return int(self.machine.call(create, 0, self.credentials))

    def epoll(self, file: int) -> int:
        """The set that an open file is."""
        return int(self.machine.host.at(File, file).private)

    def _counter(self) -> int:
        create = self.machine.parts[EventCounters].create
        return int(self.machine.call(create, 0, 0, OpenFlag.NONBLOCK, self.credentials))

    def _take(self, place: Any, source: Any, length: Any) -> tuple[int, int]:
        self.told.append(EVENT.unpack(self.machine.host.read(int(source), int(length))))
        return 0, 0

    def state(self, number: int) -> int:
        """What holds for a counter."""
        value = self.values[number]
        return (PollEvent.IN if value else 0) | (PollEvent.OUT if value != FULL else 0)

    # Steps

    def change(self, what: str, number: int, wanted: int, data: int) -> None:
        """Add, change or remove an item."""
        function = getattr(self.machine.parts[Epolls], what)
        event = self.machine.host.new(EpollEvent, events=wanted, data=data)
        arguments = [self.epoll(self.set), self.counters[number], number]
        if what != "remove":
            arguments.append(int(event))
        result = self.machine.call(function, *arguments)
        if (what == "add") == (number in self.watches):
            assert result == (-Errno.EEXIST if what == "add" else -Errno.ENOENT)
            return
        assert result == 0
        if what == "remove":
            del self.watches[number]
        else:
            news = bool(self.state(number) & wanted)
            before = self.watches.get(number)
            # Who changes an item that is told already is not told less often
            self.watches[number] = Watch(wanted, data, news or bool(before and before.news))

    def write(self, number: int, value: int) -> None:
        """Write a value to a counter, if there is room."""
        result = self.machine.write(self.counters[number], struct.pack("<Q", value))
        if self.values[number] + value > FULL:
            assert result == -Errno.EAGAIN
            return
        assert result == 8
        self.values[number] += value
        self._tell(number, PollEvent.IN)

    def read(self, number: int) -> None:
        """Read a counter, which is 0 then."""
        value, self.values[number] = self.values[number], 0
        result = self.machine.read(self.counters[number], 8)
        assert result == (struct.pack("<Q", value) if value else -Errno.EAGAIN)
        if value:
            self._tell(number, PollEvent.OUT)

    def _tell(self, number: int, events: int) -> None:
        watch = self.watches.get(number)
        if watch and watch.wanted & events:
            watch.news = True

    def close(self, number: int) -> None:
        """Close a counter, which leaves its set, and make another one."""
        self.machine.close(self.counters[number])
        self.counters[number], self.values[number] = self._counter(), 0
        self.watches.pop(number, None)

    def wait(self, most: int) -> None:
        """Ask what is ready, without waiting."""
        expected = {}
        for watch in self.watches.values():
            number = next(n for n, one in self.watches.items() if one is watch)
            held = self.state(number) & (watch.wanted | ALWAYS)
            if held and (watch.news or not watch.wanted & EpollFlag.EDGE):
                expected[watch.data] = (held, watch)
        self.told = []
        wait = self.machine.parts[Epolls].wait
        result = int(self.machine.call(wait, self.epoll(self.set), 0x1000, most, 0))
        assert result == len(self.told) == min(most, len(expected))
        assert len({data for _, data in self.told}) == result
        for events, data in self.told:
            held, watch = expected[data]
            assert events == held
            watch.news = False
            if watch.wanted & EpollFlag.ONE_SHOT:
                watch.wanted = 0
        if result < most:
            for number, watch in self.watches.items():
                watch.news &= bool(self.state(number) & watch.wanted) and bool(
                    not watch.wanted & EpollFlag.EDGE
                )

    def end(self) -> None:
        """Close everything: nothing is left."""
        self.machine.close(self.set)
        for counter in self.counters:
            self.machine.close(counter)
        assert self.machine.used() == self.at_rest


NUMBERS = st.integers(0, FILES - 1)
WANTED = st.builds(
    lambda events, how: events | how,
    st.sampled_from([0, 1, 4, 5]),
    st.sampled_from([0, EpollFlag.EDGE, EpollFlag.ONE_SHOT, EpollFlag.EDGE | EpollFlag.ONE_SHOT]),
)
STEPS = st.one_of(
    st.tuples(
        st.just("change"), st.sampled_from(["add", "add", "change", "remove"]), NUMBERS, WANTED
    ),
    st.tuples(st.just("write"), NUMBERS, st.sampled_from([1, 2, FULL])),
    st.tuples(st.just("read"), NUMBERS),
    st.tuples(st.just("close"), NUMBERS),
    st.tuples(st.just("wait"), st.sampled_from([1, 2, MOST])),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(STEPS, max_size=40))
def test_what_is_told_is_so_and_is_told_when_it_should(
    machine: FileMachine, steps: list[tuple[Any, ...]]
) -> None:
    model = Model(machine)
    for index, (step, *arguments) in enumerate(steps):
        if step == "change":
            arguments.append(index << 40 | 1)
        getattr(model, step)(*arguments)
    model.wait(MOST)
    model.end()


def test_each_is_told_before_one_is_told_again(machine: FileMachine) -> None:
    model = Model(machine)
    for number in range(FILES):
        model.change("add", number, PollEvent.IN, number)
        model.write(number, 1)
    seen = []
    for _ in range(FILES):
        model.wait(1)
        seen.append(model.told[0][1])
    assert seen == list(range(FILES))
    model.end()


GRAPH = 7


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, GRAPH - 1), st.integers(0, GRAPH - 1)), max_size=16),
    st.booleans(),
)
def test_sets_in_sets_have_no_loops_and_tell_all_above(
    machine: FileMachine, edges: list[tuple[int, int]], closes_first: bool
) -> None:
    model = Model(machine)
    sets = [model.new_set() for _ in range(GRAPH)]
    inside: dict[int, set[int]] = {number: set() for number in range(GRAPH)}

    def depth(number: int, *, graph: dict[int, set[int]]) -> int:
        return max((1 + depth(one, graph=graph) for one in graph[number]), default=0)

    def above(number: int) -> set[int]:
        found = {number}
        while more := {n for n in inside if inside[n] & found} - found:
            found |= more
        return found

    parts = machine.parts
    event = machine.host.new(EpollEvent, events=PollEvent.IN)
    for outer, inner in edges:
        if outer == inner or inner in inside[outer]:
            continue
        outside = {n: {m for m in inside if n in inside[m]} for n in inside}
        is_loop = inner in above(outer)
        is_deep = not is_loop and depth(inner, graph=inside) + 1 + depth(outer, graph=outside) > 4
        result = machine.call(
            parts[Epolls].add, model.epoll(sets[outer]), sets[inner], inner, event
        )
        assert result == (-Errno.ELOOP if is_loop or is_deep else 0)
        if not result:
            inside[outer].add(inner)
    arguments = (model.epoll(sets[0]), model.counters[0], 0, event)
    assert machine.call(parts[Epolls].add, *arguments) == 0
    model.write(0, 1)
    for number in range(GRAPH):
        events = int(machine.call(parts[Epolls].poll, sets[number], 0))
        assert bool(events) == (number in above(0))
        ready = machine.host.at(Epoll, model.epoll(sets[number])).ready_count
        assert int(ready) == sum(one in above(0) for one in inside[number]) + (number == 0)
    if closes_first:
        machine.close(model.counters[0])
        model.counters[0] = model.new_set()
        for number in range(GRAPH):
            assert machine.call(parts[Epolls].poll, sets[number], 0) == 0
    for one in sets:
        machine.close(one)
    model.end()
    assert int(machine.host[parts[EpollItems].count]) == 0


def test_sets_without_memory(machine: FileMachine) -> None:
    model = Model(machine)
    before = machine.used()
    event = machine.host.new(EpollEvent, events=PollEvent.IN)
    machine.left = 0
    arguments = (model.epoll(model.set), model.counters[0], 0, event)
    assert machine.call(machine.parts[Epolls].add, *arguments) == -Errno.ENOMEM
    for allowed in range(4):
        machine.left = allowed
        assert model.new_set() == 0
    machine.left = None
    assert machine.used() == before
    model.end()


def test_what_can_not_be_stored_is_told_again(machine: FileMachine) -> None:
    model = Model(machine)
    for number, how in enumerate((0, EpollFlag.EDGE, EpollFlag.ONE_SHOT)):
        model.change("add", number, PollEvent.OUT | how, number)
    machine.host.stub(machine.parts[UserCopy].copy_out, lambda *_: (-Errno.EFAULT, 1))
    wait = machine.parts[Epolls].wait
    assert machine.call(wait, model.epoll(model.set), 0x1000, MOST, 0) == -Errno.EFAULT
    machine.host.stub(machine.parts[UserCopy].copy_out, model._take)
    model.wait(MOST)
    assert len(model.told) == 3
    model.end()
