"""Tests and benchmarks that run inside the kernel."""

from __future__ import annotations

from enum import IntEnum
from typing import Any

from pykasm import *

TIMEOUT = 120
"""Seconds that a test may take, on a busy emulator."""


MEASURED = "what is measured is how long it takes"
SHOWN = "what is read later shows what became of it"
"""Why errors are not looked at."""


class Outcome(IntEnum):
    """Outcomes of a test."""

    FAILED = 0
    """It printed why."""
    PASSED = 1
    SKIPPED = 2
    """It printed what the machine lacks."""


class Test(Struct):
    """A test; `run` gives its `Outcome`."""

    name: Ptr[U8]
    """Its family, a dot, and what it shows: `pages.merge`."""
    run: Fn[[], U32]
    seconds: U32
    """The time after which it counts as stuck."""
    apart: U32
    """1 if it runs only when it or its family is asked for by name, and not for `all`."""


class Repeat(Fn[[U32], Void]):
    """Does what is measured this many times."""


class Benchmark(Struct):
    """A measurement: `run` does what is measured as often as it is told.

    `prepare` is called before it and returns whether all that it needs is there; `finish` is called
    after it, also if `prepare` failed. Both may be null.
    """

    name: Ptr[U8]
    run: Repeat
    prepare: Fn[[], Bool]
    finish: Fn[[], Void]
    count: U32
    """The number of times that `run` is to do it."""


class TestSuite(Subsystem):
    """A subsystem with tests."""

    tests: list[Test]
    """Their rows, which the constructor makes."""


class BenchmarkSuite(Subsystem):
    """A subsystem with benchmarks."""

    benchmarks: list[Benchmark]
    """Their rows, which the constructor makes."""


def check(name: str, run: Any, *, seconds: int = TIMEOUT, apart: bool = False) -> Test:
    """Return a row of the table of tests: `run` is a `@function` of no arguments that gives a
    `U32`."""
    return Test(name=name, run=run, seconds=seconds, apart=int(apart))


def measure(
    name: str, run: Any, count: int = 1000, prepare: Any = None, finish: Any = None
) -> Benchmark:
    """Return a row of the table of benchmarks; see `Benchmark`."""
    return Benchmark(name=name, run=run, count=count, prepare=prepare or 0, finish=finish or 0)
