"""What the checker remembers of functions: used again only where nothing that matters changed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pykasm import *
from pykasm.check import programanalysis
from pykasm.check.checker import Report, report
from pykasm.check.examples.spinlock import SpinLock
from pykasm.encode.encoder import Encoder
from pykasm.lang.image import Image
from pykasm.lang.objects import assemble_program


def checked(subsystem: Any, cache: Path | None) -> Report:
    program = Image(entry=subsystem.run, subsystems=[subsystem]).assemble()
    return report(program, assemble_program(program, Encoder(), "."), cache)


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "clean"


class Returns(Subsystem):
    def __init__(self, result: Any) -> None:
        self.result = result

    @function
    def run(self) -> U64:
        ret(self.result)


def test_faults_are_found_each_time(cache: Path) -> None:
    assert checked(Returns(rcx), cache).findings
    assert checked(Returns(rcx), cache).findings
    assert not checked(Returns(1), cache).findings
    assert checked(Returns(rcx), cache).findings


def test_what_has_not_changed_is_not_followed_again(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked(Calls([["take", 1, "drop"], ["off"], []]), cache)
    made: list[str] = []

    class Watched(programanalysis.Graph):
        def __init__(self, placed: Any, tables: Any) -> None:
            made.append(placed.routine.symbol)
            super().__init__(placed, tables)

    monkeypatch.setattr(programanalysis, "Graph", Watched)
    checked(Calls([["take", 1, "drop"], ["off"], []]), cache)
    assert made == []
    checked(Calls([["take", 1, "drop"], ["off"], [0]]), cache)
    assert made == ["Calls.second"]


class Giving(Subsystem):
    @function
    def run(self) -> U64:
        call(self.give)
        ret(rax)

    @function
    def give(self) -> U64:
        ret(1)


class Taking(Giving):
    def __init__(self) -> None:
        self.label = "Giving"

    @function
    def give(self) -> None:
        mov(eax, 1)


def test_a_caller_is_looked_at_again_when_its_callee_returns_nothing(cache: Path) -> None:
    assert not checked(Giving(), cache).errors
    (found,) = checked(Taking(), cache).errors
    assert found.what == "`rax` is read after a call that may have changed it"


class Calls(Subsystem):
    """Three functions that do what lists say: a word, or the number of the one to call."""

    def __init__(self, bodies: Sequence[Sequence[str | int]]) -> None:
        self.bodies = bodies
        self.one = bss(SpinLock)
        self.other = bss(SpinLock)

    @function
    def run(self) -> None:
        self._write(0)

    @function
    def first(self) -> None:
        self._write(1)

    @function(context="interrupt")
    def second(self) -> None:
        self._write(2)

    @function(sleeps=True, exported=True)
    def third(self) -> None:
        nop()

    def _write(self, number: int) -> None:
        functions = (self.run, self.first, self.second, self.third)
        for word in self.bodies[number]:
            if isinstance(word, int):
                functions[word]()
            else:
                WORDS[word](self)


WORDS: dict[str, Any] = {
    "take": lambda calls: calls.one.take(),
    "drop": lambda calls: calls.one.drop(),
    "take other": lambda calls: calls.other.take(),
    "drop other": lambda calls: calls.other.drop(),
    "off": lambda calls: cli(),
    "on": lambda calls: sti(),
}


def test_a_callee_that_comes_to_sleep_is_found_in_its_caller(cache: Path) -> None:
    assert not checked(Calls([["take", 1, "drop"], [], []]), cache).errors
    (found,) = checked(Calls([["take", 1, "drop"], [3], []]), cache).errors
    assert found.what == "`Calls.first` may sleep, but `Calls.one` is held"
    assert not checked(Calls([["take", 1, "drop"], [], []]), cache).errors


def test_a_callee_that_comes_to_turn_interrupts_off_is_found_in_its_caller(cache: Path) -> None:
    assert not checked(Calls([["on", 1, 3], [], []]), cache).errors
    made = checked(Calls([["on", 1, 3], ["off"], []]), cache)
    asleep, left_off = made.findings
    assert made.errors == [left_off]
    assert asleep.what == "`Calls.third` may sleep, but interrupts are off"
    assert left_off.what == "interrupts are left off on some path to here"


bodies = st.lists(st.sampled_from([*WORDS, 0, 1, 2, 3]), max_size=5)
programs = st.tuples(bodies, bodies, bodies)


@given(st.lists(programs, min_size=2, max_size=4))
def test_findings_do_not_depend_on_what_was_checked_before(
    history: list[tuple[list[str | int], ...]],
) -> None:
    with TemporaryDirectory() as folder:
        cache = Path(folder) / "clean"
        for program in history:
            remembered = checked(Calls(program), cache)
            anew = checked(Calls(program), None)
            assert list(map(str, remembered.findings)) == list(map(str, anew.findings))


class Leads(Subsystem):
    """Keeps in a field what may be null."""

    def __init__(self, kind: Any) -> None:
        self.place = type("Place", (Struct,), {"__annotations__": {"leads": kind}})

    @function
    def run(self, place: U64, other: OrNull[Ptr[U64]]) -> None:
        mov(cast(place, Ptr[self.place]).leads, other)


def test_a_field_that_comes_to_lead_somewhere_always(cache: Path) -> None:
    for kind, count in ((OrNull[Ptr[U64]], 0), (Ptr[U64], 1), (OrNull[Ptr[U64]], 0)):
        assert len(checked(Leads(kind), cache).findings) == count
