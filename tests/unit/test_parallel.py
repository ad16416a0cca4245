"""Work that is shared among forks of a process."""

import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from pykasm import parallel
from pykasm.parallel import Ahead, Background, in_parallel


@pytest.fixture(autouse=True)
def _several_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel, "processors", lambda: 3)


@pytest.mark.parametrize("count", [0, 1, 3, 6, 20])
def test_results_come_in_the_order_of_the_items(count: int) -> None:
    assert in_parallel(lambda one: one * one, range(count)) == [one * one for one in range(count)]


def test_several_processes_share_the_work() -> None:
    assert len({*in_parallel(lambda one: os.getpid(), range(9))}) == 3


def test_exceptions_arise_in_this_process() -> None:
    def work(number: int) -> int:
        if number == 8:
            raise LookupError(os.getpid())
        return number

    with pytest.raises(LookupError, match=str(os.getpid())):
        in_parallel(work, range(9))


def test_what_a_fork_cannot_hand_over_is_made_here() -> None:
    made = in_parallel(lambda one: lambda: one, range(9))
    assert [one() for one in made] == [*range(9)]


def test_work_goes_on_meanwhile() -> None:
    assert Background(os.getpid).result() != os.getpid()


def test_what_fails_meanwhile_fails_here() -> None:
    def work() -> None:
        raise LookupError(os.getpid())

    background = Background(work)
    with pytest.raises(LookupError, match=str(os.getpid())):
        background.result()


def _ahead(work: Callable[[list[int]], object], least: int = 1) -> Ahead[int, object]:
    return Ahead(lambda items: None, work, least)


def test_what_is_ready_is_worked_on_in_another_process() -> None:
    told: list[list[int]] = []
    with Ahead(told.append, lambda items: (os.getpid(), items), 3) as ahead:
        ahead.add(1, 2)
        assert not told
        ahead.add(2, 1)
        ((process, items),) = ahead.results()
    assert process != os.getpid()
    assert items == [1, 2]
    assert told == [[1, 2]]


def test_what_is_ready_waits_while_the_other_process_works() -> None:
    end, start = os.pipe()
    with _ahead(lambda items: [os.read(end, 1), *items]) as ahead:
        for number in range(3):
            ahead.add(number, 1)
        os.write(start, b"..")
        assert ahead.results() == [[b".", 0]]


def test_nothing_comes_of_what_fails_meanwhile() -> None:
    with _ahead(lambda items: [1 // one for one in items], 2) as ahead:
        ahead.add(0, 2)
        assert ahead.results() == []
        ahead.add(1, 2)
        assert ahead.results() == [[1]]


def children() -> set[str]:
    """The processes that this thread has made, and that have not ended or are not waited for."""
    return set(Path(f"/proc/self/task/{threading.get_native_id()}/children").read_text().split())


def test_what_nobody_waits_for_is_ended() -> None:
    end, start = os.pipe()
    before = children()
    with _ahead(lambda items: os.read(end, 1)) as ahead:
        ahead.add(1, 1)
        assert len(children() - before) == 1
    os.write(start, b".")
    assert os.read(end, 1) == b"."
    assert children() <= before


def test_one_processor_leaves_everything_to_who_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel, "processors", lambda: 1)
    with _ahead(lambda items: items) as ahead:
        ahead.add(1, 1)
        assert ahead.results() == []
