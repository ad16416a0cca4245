"""Operations on semaphores and choices of messages, against models."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.contents import CONTENTS
from kernel.errno import Errno
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
