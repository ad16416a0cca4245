"""Ids, operations on semaphores and choices of messages, against models."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.contents import CONTENTS
from kernel.errno import Errno
from kernel.ipc.ipcobject import IpcObject
from kernel.ipc.ipctable import IpcTable
from kernel.ipc.ipctables import INDEX_BITS, IpcTables
from kernel.ipc.messagequeue import Message, MessageQueue, MessageSearch, MessageWaiter
from kernel.ipc.messageselection import MessageSelection
from kernel.ipc.semaphoreattempts import SemaphoreAttempts
from kernel.ipc.semaphoreset import (
    MOST_VALUE,
    PENDING,
    SemaphoreFlag,
    SemaphoreOperation,
    SemaphoreRequest,
    SemaphoreSet,
    SemaphoreUndo,
    SetSemaphore,
)
from pykasm import *
from pykasm.hostrun import Host

OWNER, OTHER = 7, 8
"""Numbers of processes."""


def attempt(
    values: list[int], operations: list[tuple[int, int, int]], undone: list[int]
) -> tuple[int, list[int], list[int], int | None]:
    """What Linux's man-page tells: the result, the values, what is undone at the end, and which
    operation can't be done."""
    after, undo = list(values), list(undone)
    for index, (number, change, flags) in enumerate(operations):
        now = after[number]
        if (change == 0 and now) or now + change < 0:
            result = -Errno.EAGAIN if flags & SemaphoreFlag.NO_WAIT else PENDING
            return result, values, undone, index
        if now + change > MOST_VALUE:
            return -Errno.ERANGE, values, undone, index
        if flags & SemaphoreFlag.UNDO:
            undo[number] -= change
            if not -MOST_VALUE - 1 <= undo[number] <= MOST_VALUE:
                return -Errno.ERANGE, values, undone, index
        after[number] = now + change
    return 0, after, undo, None


class Semaphores:
    """A host with a set of semaphores."""

    COUNT = 4

    def __init__(self) -> None:
        self.attempts = SemaphoreAttempts()
        self.host = Host(self.attempts, traced=False)
        self.host.checkpoint()

    def begin(self, values: list[int], undone: list[int]) -> None:
        self.host.reset()
        room = self.host.bytes(bytes(sizeof(SemaphoreSet) + self.COUNT * sizeof(SetSemaphore)))
        self.set: Any = self.host.at(SemaphoreSet, room)
        self.set.count = self.COUNT
        room = self.host.bytes(bytes(sizeof(SemaphoreUndo) + self.COUNT * sizeof(I16)))
        self.undo: Any = self.host.at(SemaphoreUndo, room)
        for number, (value, adjustment) in enumerate(zip(values, undone, strict=True)):
            self.set.semaphores[number].value = value
            self.set.semaphores[number].process = OTHER
            self.undo.adjustments[number] = adjustment

    def attempt(self, operations: list[tuple[int, int, int]]) -> tuple[int, Any]:
        array = self.host.new(
            SemaphoreOperation * len(operations),
            [
                SemaphoreOperation(number=number, change=change, flags=flags)
                for number, change, flags in operations
            ],
        )
        request = self.host.new(
            SemaphoreRequest,
            operations=array,
            count=len(operations),
            process=OWNER,
            undo=self.undo,
        )
        return self.host.call(self.attempts.attempt, self.set, request), request

    def values(self) -> list[int]:
        return [self.set.semaphores[number].value for number in range(self.COUNT)]

    def undone(self) -> list[int]:
        return [self.undo.adjustments[number] for number in range(self.COUNT)]

    def processes(self) -> set[int]:
        """The semaphores that the process has operated on."""
        everything = range(self.COUNT)
        return {one for one in everything if self.set.semaphores[one].process == OWNER}


@pytest.fixture(scope="module")
def semaphores() -> Semaphores:
    return Semaphores()


NUMBERS = st.integers(0, Semaphores.COUNT - 1)
VALUES = st.integers(0, 3) | st.sampled_from([MOST_VALUE - 1, MOST_VALUE])
CHANGES = st.integers(-3, 3) | st.sampled_from([-MOST_VALUE - 1, -MOST_VALUE, MOST_VALUE])
ADJUSTMENTS = st.integers(-3, 3) | st.sampled_from([-MOST_VALUE - 1, MOST_VALUE])
FLAGS = st.sampled_from([0, int(SemaphoreFlag.UNDO), int(SemaphoreFlag.NO_WAIT), 0o14000])
ROWS = st.lists(VALUES, min_size=Semaphores.COUNT, max_size=Semaphores.COUNT)
UNDO_ROWS = st.lists(ADJUSTMENTS, min_size=Semaphores.COUNT, max_size=Semaphores.COUNT)


@given(
    values=ROWS,
    undone=UNDO_ROWS,
    operations=st.lists(st.tuples(NUMBERS, CHANGES, FLAGS), min_size=1, max_size=6),
)
def test_operations_are_done_all_at_once_or_not_at_all(
    semaphores: Semaphores,
    values: list[int],
    undone: list[int],
    operations: list[tuple[int, int, int]],
) -> None:
    semaphores.begin(values, undone)
    result, after, undo, blocking = attempt(values, operations, undone)
    found, request = semaphores.attempt(operations)
    assert (found, semaphores.values(), semaphores.undone()) == (result, after, undo)
    if blocking is None:
        assert semaphores.processes() == {number for number, _, _ in operations}
    else:
        assert request.blocking == blocking
        assert semaphores.processes() == set()


# Messages

TYPES = st.integers(1, 4) | st.just((1 << 63) - 1)


def chosen(types: list[int], search: MessageSearch, wanted: int) -> int | None:
    """The place of the message that somebody gets (msgrcv(2))."""
    places = range(len(types))
    if search == MessageSearch.PLACE:
        return wanted if wanted < len(types) else None
    if search == MessageSearch.LOWEST:
        low = [place for place in places if types[place] <= wanted]
        return min(low, key=lambda place: (types[place], place), default=None)
    for place in places:
        is_wanted = types[place] == wanted
        fits = {MessageSearch.EQUAL: is_wanted, MessageSearch.NOT_EQUAL: not is_wanted}
        if fits.get(search, True):
            return place
    return None


class Messages:
    """A host with a queue of messages."""

    def __init__(self) -> None:
        self.selection = Parts(CONTENTS)[MessageSelection]
        self.host = Host(self.selection, traced=False)
        self.host.checkpoint()

    def begin(self, types: list[int]) -> None:
        self.host.reset()
        self.queue: Any = self.host.new(MessageQueue)
        self.messages: list[Any] = [self.host.new(Message, type=type) for type in types]
        links = [
            int(self.queue.messages),
            *(int(message.link) for message in self.messages),
        ]
        heads = [self.queue.messages, *(message.link for message in self.messages)]
        for place, head in enumerate(heads):
            head.next = links[(place + 1) % len(links)]
            head.previous = links[place - 1]

    def waiter(self, search: MessageSearch, wanted: int) -> Any:
        return self.host.new(MessageWaiter, search=search, type=wanted)

    def find(self, search: MessageSearch, wanted: int) -> int | None:
        found = self.host.call(self.selection.find, self.queue, self.waiter(search, wanted))
        addresses = [int(message) for message in self.messages]
        return addresses.index(int(found)) if found else None


@pytest.fixture(scope="module")
def messages() -> Messages:
    return Messages()


SEARCHES = st.sampled_from(MessageSearch)


@given(types=st.lists(TYPES, max_size=8), search=SEARCHES, wanted=st.integers(0, 5) | TYPES)
def test_the_message_that_is_wanted_is_found(
    messages: Messages, types: list[int], search: MessageSearch, wanted: int
) -> None:
    messages.begin(types)
    assert messages.find(search, wanted) == chosen(types, search, wanted)


@given(type=TYPES, search=SEARCHES.filter(lambda one: one != MessageSearch.PLACE), wanted=TYPES)
def test_who_waits_takes_what_it_would_have_found(
    messages: Messages, type: int, search: MessageSearch, wanted: int
) -> None:
    messages.begin([type])
    found = messages.host.call(
        messages.selection.takes, messages.waiter(search, wanted), messages.messages[0]
    )
    assert bool(found) == (chosen([type], search, wanted) is not None)


# Ids


class Table:
    """A host with a table of objects."""

    MOST = 6

    def __init__(self) -> None:
        self.tables = Parts(CONTENTS)[IpcTables]
        self.host = Host(self.tables, traced=False)
        self.host.stub(self.tables.wall.now, lambda: 0)
        self.host.checkpoint()

    def begin(self) -> None:
        self.host.reset()
        self.table: Any = self.host.new(IpcTable, most=self.MOST)
        self.there: dict[int, tuple[Any, int]] = {}
        self.sequence, self.last = 0, -1

    def enter(self, key: int) -> None:
        object = self.host.new(IpcObject)
        id = self.host.call(self.tables.enter, self.table, object, key)
        if len(self.there) == self.MOST:
            assert id == -Errno.ENOSPC
            return
        index = next(index for index in range(self.MOST) if index not in self.there)
        if index <= self.last:
            self.sequence += 1
        self.last = index
        assert id == self.sequence << INDEX_BITS | index
        self.there[index] = object, key

    def remove(self, index: int) -> None:
        object, _ = self.there.pop(index)
        self.host.call(self.tables.remove, self.table, object)

    def check(self) -> None:
        """All are found by their ids, and by their keys."""
        for index in range(self.MOST):
            object, key = self.there.get(index, (None, 0))
            found = self.host.call(self.tables.find_index, self.table, index)
            assert (int(found) if found else None) == (int(object) if object else None)
            if object:
                assert int(self.host.call(self.tables.find, self.table, object.id)) == int(object)
                assert not self.host.call(self.tables.find, self.table, object.id + (1 << 20))
            if key:
                found = self.host.call(self.tables.find_key, self.table, key)
                assert int(found) == int(object)


@pytest.fixture(scope="module")
def table() -> Table:
    return Table()


@given(steps=st.lists(st.integers(-Table.MOST, 3), max_size=20))
def test_objects_have_the_ids_and_keys_that_they_were_given(table: Table, steps: list[int]) -> None:
    """Numbers from 0 on enter an object, with a key of its own but for 0; others remove one."""
    table.begin()
    for number, step in enumerate(steps):
        if step >= 0:
            table.enter(step and number + 1)
        elif -step - 1 in table.there:
            table.remove(-step - 1)
        table.check()
