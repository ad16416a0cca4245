"""Work that is shared among forks of a process."""

import os

import pytest

from pykasm import parallel
from pykasm.parallel import Background, in_parallel


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
