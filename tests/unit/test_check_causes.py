"""Of many findings that follow from one fault, one stands for all: where that fault is."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import pytest
from click.testing import CliRunner

from pykasm import *
from pykasm.check.causes import Fault
from pykasm.check.checker import Report, report
from pykasm.check.examples.spinlock import SpinLock
from pykasm.commands.main import cli as pykasm
from pykasm.encode.encoder import Encoder
from pykasm.lang.image import Image
from pykasm.lang.objects import assemble_program


def checked(subsystem: Subsystem) -> Report:
    """The report on a subsystem whose entry is `run`."""
    program = Image(entry=subsystem.run, subsystems=[subsystem]).assemble()  # type: ignore[attr-defined]
    return report(program, assemble_program(program, Encoder(), "."))


def faults(subsystem: Subsystem) -> list[tuple[str, str, str, int]]:
    """The rule, function and line of each fault, and how many findings follow from it."""
    return [_in_short(one) for one in checked(subsystem).faults]


def _in_short(fault: Fault) -> tuple[str, str, str, int]:
    assert fault.first.source is not None
    function = fault.first.symbol.rpartition(".")[2]
    return fault.first.rule, function, fault.first.source.text.strip(), len(fault.others)


class Holder(Subsystem):
    """Functions that hold a lock."""

    count = bss(U64)

    def __init__(self) -> None:
        self.lock = bss(SpinLock)

    @function(sleeps=True)
    def wait(self) -> None:
        hlt()


class Callers(Holder):
    """Calls one function under a lock, wherever that is called."""

    @function
    def run(self) -> None:
        self.first()
        self.second()
        self.third()

    @function
    def first(self) -> None:
        self.lock.take()
        self.add_one()
        self.lock.drop()

    @function
    def second(self) -> None:
        self.lock.take()
        self.add_one()
        self.add_one()
        self.lock.drop()

    @function
    def third(self) -> None:
        self.lock.take()
        self.add_one()
        self.lock.drop()

    @function
    def add_one(self) -> None:
        inc(self.count)


class Sleeping(Callers):
    """That function has come to wait."""

    @function
    def add_one(self) -> None:
        inc(self.count)
        self.wait()  # new


def test_what_most_callers_call_wrongly_is_at_fault_itself() -> None:
    assert faults(Sleeping()) == [("E040", "add_one", "self.wait()  # new", 4)]


class Sleeper(Callers):
    """The same function says that it waits."""

    @function(sleeps=True)
    def add_one(self) -> None:
        inc(self.count)


def test_what_sleeps_itself_is_shown_where_it_is_declared() -> None:
    assert faults(Sleeper()) == [("E040", "add_one", "def add_one(self) -> None:", 4)]


class Often(Holder):
    """Waits twice under a lock, which others do not."""

    @function
    def run(self) -> None:
        self.wait()
        self.hold()
        self.rest()

    @function
    def rest(self) -> None:
        self.wait()

    @function
    def hold(self) -> None:
        self.lock.take()
        self.wait()  # the first
        self.wait()
        self.lock.drop()


def test_one_of_several_callers_is_at_fault() -> None:
    assert faults(Often()) == [("E040", "hold", "self.wait()  # the first", 1)]


class LeftOff(Holder):
    """A function is left with interrupts off by one of its paths; all that follows has them off."""

    free = percpu(U64)

    @function(context="thread")
    def run(self) -> U64:
        number = keep(self.take_number())
        self.wait()
        self.wait()
        ret(number)

    @function(context="thread")
    def take_number(self) -> U64:
        cli()
        number = scratch(self.free)
        with if_(number == 0):
            ret(0)  # too early
        dec(self.free)
        sti()
        ret(number)


def test_what_follows_from_interrupts_that_stay_off() -> None:
    assert faults(LeftOff()) == [("E055", "take_number", "ret(0)  # too early", 2)]


class Reads(Subsystem):
    """Reads a register twice that a call has changed."""

    @function
    def run(self, value: U64) -> U64:
        once = scratch(value)
        self.tick()
        with if_(self.sum == 0):
            ret(once)  # the first
        ret(once)

    sum = bss(U64)

    @function
    def tick(self) -> None:
        nop()


def test_a_value_that_is_read_more_than_once() -> None:
    assert faults(Reads()) == [("E012", "run", "ret(once)  # the first", 2)]


class InPlace(Subsystem):
    """Gives code in place a register that was never written, at one of two places."""

    count = bss(U64)

    @inline
    def add_to(self, number: U64) -> None:
        add(self.count, number)

    @function
    def run(self, value: U64) -> None:
        self.add_to(value)
        self.other()

    @function
    def other(self) -> None:
        number = scratch(U64)
        self.add_to(number)  # given nothing


def test_code_in_place_is_right_where_others_use_it_rightly() -> None:
    (fault,) = checked(InPlace()).faults
    assert _in_short(fault) == ("E010", "other", "self.add_to(number)  # given nothing", 0)
    assert [one.span.source.text.strip() for one in fault.first.notes] == [
        "add(self.count, number)"
    ]


class WrongInPlace(Subsystem):
    """Code in place reads what nobody wrote, in all that use it."""

    count = bss(U64)

    @inline
    def add_to(self, number: U64) -> None:
        add(self.count, number)
        add(self.count, rcx)  # whose?

    @function
    def run(self, value: U64) -> None:
        self.add_to(value)
        self.other(value)

    @function
    def other(self, value: U64) -> None:
        self.add_to(value)


def test_code_in_place_that_is_wrong_itself() -> None:
    assert faults(WrongInPlace()) == [("E010", "run", "add(self.count, rcx)  # whose?", 1)]


PROJECT = """
from pykasm import *

class Probe(Subsystem):
    @function
    def run(self, value: U64) -> U64:
        once = scratch(value)
        add(self.sum, once)
        self.tick()
        with if_(self.sum == 0):
            ret(once)
        ret(once)

    sum = bss(U64)

    @function
    def tick(self) -> None:
        nop()

def image():
    probe = Probe()
    return Image(entry=probe.run, subsystems=[probe])
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with one fault from which other findings follow."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "wiring_of_causes.py").write_text(PROJECT)
    (tmp_path / "pyproject.toml").write_text('[tool.pykasm]\nimage = "wiring_of_causes:image"\n')
    return tmp_path


@pytest.mark.usefixtures("project")
def test_the_others_are_counted_shown_and_recorded() -> None:
    short = CliRunner().invoke(pykasm, ["check"]).output
    assert short.count("error[E012]") == 1
    assert "note: 1 more finding follows from this (`check --all` shows all)\n" in short
    assert short.endswith("\n1 error\n")
    everything = CliRunner().invoke(pykasm, ["check", "--all"]).output
    assert everything.count("error[E012]") == 2
    assert "more finding" not in everything
    first, second = json.loads(CliRunner().invoke(pykasm, ["check", "--json"]).output)
    assert (first["line"], first["follows"]) == (11, None)
    assert (second["line"], second["follows"]) == (12, 0)
    assert all(one["file"] == other["file"] for one, other in pairwise([first, second]))
