"""The tables of contents of the kernel name all of it, in order."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from kernel.contents import CONTENTS
from kernel.image import image, smallest, without_selftest
from kernel.monitor.command import Commands
from kernel.selftest import case
from kernel.start.order import EarlySteps, LateSteps, MainSteps
from kernel.start.secondaryorder import SecondarySteps
from pykasm import Image, Parts, Steps, Subsystem
from tests.unit.test_layers import layers

ROOT = Path(__file__).parents[2]
PROGRAMS = "kernel/programs"


def classes() -> list[type[Any]]:
    return [one.func if isinstance(one, partial) else one for one in CONTENTS]


def subsystems() -> Iterator[type[Any]]:
    """All that the modules of the kernel define, without those of programs that run on it."""
    for file in sorted({*(ROOT / "kernel").rglob("*.py")} - {*(ROOT / PROGRAMS).iterdir()}):
        name = ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for value in vars(importlib.import_module(name)).values():
            if isinstance(value, type) and value.__module__ == name:
                yield value


def test_every_subsystem_is_in_the_contents() -> None:
    known = [one for one in subsystems() if issubclass(one, Subsystem | Steps)]
    bases = {base for one in known for base in one.__mro__[1:]}
    assert {one.__name__ for one in known if one not in bases} == {
        one.__name__ for one in classes()
    }


def test_the_contents_have_the_order_of_the_layers() -> None:
    order = layers()
    places = [order.index(one.__module__.split(".")[1]) for one in classes()]
    assert places == sorted(places)


def test_contents_of_a_folder_are_of_that_folder() -> None:
    for file in (ROOT / "kernel").glob("*/**/contents.py"):
        package = ".".join(file.relative_to(ROOT).parent.parts)
        entries = importlib.import_module(f"{package}.contents").CONTENTS
        found = {one.func if isinstance(one, partial) else one for one in entries}
        assert {one.__module__.rpartition(".")[0] for one in found} == {package}


def test_each_step_is_one_of_a_part() -> None:
    steps = [
        one for order in (EarlySteps, MainSteps, LateSteps, SecondarySteps) for one in order.order
    ]
    assert {one.owner for one in steps} <= set(classes())


def names(made: Image) -> set[str]:
    return {type(one).__name__ for one in made.subsystems}


def test_the_full_image_has_all_parts() -> None:
    assert names(image()) == {one.__name__ for one in classes() if issubclass(one, Subsystem)}


def test_the_image_without_tests_has_everything_else() -> None:
    tests = {type(one).__name__ for one in image().subsystems if "selftest" in type(one).__module__}
    assert names(without_selftest()) == names(image()) - tests


def test_the_smallest_image_has_neither_commands_nor_tests() -> None:
    small = smallest().subsystems
    assert not any(
        isinstance(one, Commands | case.TestSuite | case.BenchmarkSuite) for one in small
    )
    assert names(smallest()) < names(without_selftest())


@pytest.mark.parametrize("kind", classes(), ids=lambda kind: kind.__name__)
def test_each_part_can_be_made_alone(kind: type[Any]) -> None:
    assert isinstance(Parts(CONTENTS)[kind], kind)
