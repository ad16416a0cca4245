"""Work shared among processors, by forks of this process."""

from __future__ import annotations

import os
import pickle
import warnings
from collections.abc import Callable, Sequence
from typing import BinaryIO, Generic, NoReturn, TypeVar

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
