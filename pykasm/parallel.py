"""Work shared among processors, by forks of this process."""

from __future__ import annotations

import os
import pickle
import select
import signal
import warnings
from collections.abc import Callable, Sequence
from typing import BinaryIO, Generic, NoReturn, Self, TypeVar

T = TypeVar("T")
R = TypeVar("R")

LEAST = 2
"""Fewer items than that for each process are not worth a fork."""


def processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0))


def in_parallel(work: Callable[[T], R], items: Sequence[T]) -> list[R]:
    """What `work` gives for each of `items`, in their order.

    Forks see all that this process has; nothing that they change is seen here but the results,
    which have to be ones that pickle takes. What a fork can't do, this process does itself, so that
    exceptions arise here.
    """
    count = min(processors(), len(items) // LEAST)
    if count < LEAST:
        return [work(one) for one in items]
    forks = [_fork(work, items[number::count]) for number in range(1, count)]
    shares: list[list[R] | None] = []
    try:
        shares.append([work(one) for one in items[::count]])
    finally:
        shares += [_result(*fork) for fork in forks]
    found: list[R] = []
    for number, item in enumerate(items):
        share = shares[number % count]
        found.append(work(item) if share is None else share[number // count])
    return found


class Background(Generic[R]):
    """`work` that another process does meanwhile; on one processor it is done when it is wanted."""

    def __init__(self, work: Callable[[], R]) -> None:
        self._work = work
        is_alone = processors() < LEAST
        self._fork = None if is_alone else _fork(lambda nothing: work(), [None])

    def result(self) -> R:
        """What the work gives; exceptions arise here. To be asked for once."""
        answer: list[R] | None = None if self._fork is None else _result(*self._fork)
        return self._work() if answer is None else answer[0]


class Ahead(Generic[T, R]):
    """`work` that another process does on what is ready, while this one makes more of it ready.

    Nothing comes of what it did not get to, and of what it failed at: that is left to who asks. On
    one processor that is everything. `before` is called, in this process, with what is about to be
    worked on.
    """

    def __init__(
        self, before: Callable[[list[T]], None], work: Callable[[list[T]], R], least: int
    ) -> None:
        self._before = before
        self._work = work
        self._least = least
        """The size of what is worth a fork."""
        self._is_alone = processors() < LEAST
        self._waiting: list[T] = []
        self._size = 0
        self._fork: tuple[int, BinaryIO] | None = None
        self._results: list[R] = []

    def add(self, item: T, size: int) -> None:
        """Have `item` worked on, which is so large, as soon as the other process is free."""
        self._waiting.append(item)
        self._size += size
        if self._is_alone or self._size < self._least or self._is_busy:
            return
        self._take()
        waiting, self._waiting, self._size = self._waiting, [], 0
        self._before(waiting)
        self._fork = _fork(self._work, [waiting])

    @property
    def _is_busy(self) -> bool:
        return self._fork is not None and not select.select([self._fork[1]], [], [], 0)[0]

    def results(self) -> list[R]:
        """What came of what was taken on, in this order. It is waited for."""
        self._take()
        return self._results

    def _take(self) -> None:
        if self._fork is not None:
            fork, self._fork = self._fork, None
            self._results += _result(*fork) or []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """End the other process, which would write files that others are in charge of now."""
        if self._fork is not None:
            process, pipe = self._fork
            pipe.close()
            os.kill(process, signal.SIGKILL)
            os.waitpid(process, 0)


def _fork(work: Callable[[T], R], items: Sequence[T]) -> tuple[int, BinaryIO]:
    """A process that does `work`, and where its results come out."""
    end, start = os.pipe()
    with warnings.catch_warnings():
        # Python warns of threads that hold locks: the one that shows progress has none that
        # `work` takes.
        warnings.simplefilter("ignore", DeprecationWarning)
        process = os.fork()
    if not process:
        os.close(end)
        _answer(work, items, start)
    os.close(start)
    return process, os.fdopen(end, "rb")


def _answer(work: Callable[[T], R], items: Sequence[T], pipe: int) -> NoReturn:
    """In a fork: do the work, hand the results over and end, whatever happens."""
    status = 1
    try:
        answer = pickle.dumps([work(one) for one in items], pickle.HIGHEST_PROTOCOL)
        with os.fdopen(pipe, "wb") as file:
            file.write(answer)
        status = 0
    finally:
        os._exit(status)


def _result(process: int, pipe: BinaryIO) -> list[R] | None:
    """What a fork came to; None if it failed."""
    with pipe:
        answer = pipe.read()
    _, status = os.waitpid(process, 0)
    found: list[R] | None = pickle.loads(answer) if not status else None
    return found
