"""Trials: faults planted by a fixed seed, and what becomes of each."""

from __future__ import annotations

import ast
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from enum import Enum
from functools import partial
from itertools import zip_longest
from typing import NamedTuple

from pykasm.errors import BuildFailed, Mistake
from pykasm.isa.code import PlacedLine
from pykasm.lang.convention import Kind
from pykasm.lang.image import PackedData
from pykasm.lang.objects import PlacedRoutine
from pykasm.parallel import in_parallel
from tests.mutation.behaviour import Laboratory, Run
from tests.mutation.instructions import PLANTS, Faulty, calls_under_locks
from tests.mutation.kernel import Kernel
from tests.mutation.kind import FaultKind
from tests.mutation.source import REWRITES, Body, Rewrite

SEED = 1985
"""Any fixed number does."""

SLEEPER = FaultKind("sleeper called under a lock", "E040")

CALLED_BACK = FaultKind("code of interrupts that sleeps", "E040")

RUNS = 40
"""Random runs before two versions of a routine count as the same."""

Made = tuple[PlacedRoutine, list[PackedData]]
"""A routine with a fault, and the data that came with it."""


class Outcome(Enum):
    """What becomes of a planted fault."""

    SAME_CODE = "same code"
    BUILD = "found at build time"
    RUNNING = "only by running"
    NO_CHANGE = "no change seen"
    NOTHING = "found by nothing"


class Mutant(NamedTuple):
    """A fault of `kind` in the routine `symbol`; `make` raises what assembly finds."""

    kind: FaultKind
    symbol: str
    make: Callable[[], Made]


class Verdict(NamedTuple):
    """What became of `mutant`; `by` is the rule or the kind of mistake that found it, `place` the
    first line that differs."""

    mutant: Mutant
    outcome: Outcome
    by: str = ""
    place: str = ""


def planted(kernel: Kernel) -> dict[FaultKind, list[Mutant]]:
    """Every fault that can be planted, by kind."""
    found: dict[FaultKind, list[Mutant]] = {}
    for kind, plant in PLANTS.items():
        found[kind] = [
            Mutant(kind, symbol, partial(_from_routine, kernel, faulty))
            for symbol, placed in kernel.routines.items()
            for faulty in plant(placed.routine)
        ]
    found[SLEEPER] = [
        Mutant(SLEEPER, symbol, partial(_sleeping, kernel, symbol))
        for placed in kernel.routines.values()
        for _, line in calls_under_locks(placed.routine)
        for reference in line.references[:1]  # a call through a pointer has none
        for symbol in (reference.target,)
        if isinstance(symbol, str) and symbol in kernel.routines
    ]
    found[CALLED_BACK] = [
        Mutant(CALLED_BACK, symbol, partial(_sleeping, kernel, symbol))
        for symbol in kernel.called_in_interrupts()
    ]
    bodies = [Body(one) for one in kernel.functions() if one._label in kernel.routines]
    for kind, rewrite in REWRITES.items():
        found[kind] = [
            Mutant(kind, body.bound._label, partial(_from_source, kernel, body, node, rewrite))
            for body in bodies
            for node in body.places(rewrite)
        ]
    return found


def _from_routine(kernel: Kernel, faulty: Faulty) -> Made:
    return kernel.assembled(faulty()), []


def _sleeping(kernel: Kernel, symbol: str) -> Made:
    """The function as if somebody had let it wait."""
    return kernel.assembled(replace(kernel.build.routines[symbol].routine, sleeps=True)), []


def _from_source(kernel: Kernel, body: Body, node: ast.AST, rewrite: Rewrite) -> Made:
    routine, data = kernel.written(body.faulty(node, rewrite))
    return kernel.assembled(routine), data


def chosen(kernel: Kernel, most: int) -> list[Mutant]:
    """At most so many faults of each kind, always the same ones of the same kernel."""
    chance = random.Random(SEED)
    return [
        mutant
        for mutants in planted(kernel).values()
        for mutant in chance.sample(mutants, min(most, len(mutants)))
    ]


class Court:
    """Finds out what becomes of faults in `kernel`."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        signatures = {
            symbol: placed.routine.signature if placed.routine.kind is Kind.FUNCTION else None
            for symbol, placed in kernel.build.routines.items()
        }
        self.laboratory = Laboratory(signatures, kernel.data)
        self._runs: dict[tuple[str, int], Run] = {}

    def judge_all(self, mutants: Sequence[Mutant], run: Callable[[Mutant], bool]) -> list[Verdict]:
        """What becomes of each, on all processors; those that `run` says are run, too."""
        # a mutant itself does not go from one process to another
        found = in_parallel(lambda one: self.judge(one, run(one))[1:], mutants)
        return [Verdict(mutant, *what) for mutant, what in zip(mutants, found, strict=True)]

    def judge(self, mutant: Mutant, run: bool = True) -> Verdict:
        """What becomes of `mutant`; without `run` nothing is run to find it."""
        try:
            made, data = mutant.make()
        except BuildFailed as failed:
            return Verdict(mutant, Outcome.BUILD, failed.mistakes[0].kind)
        except Mistake as mistake:
            return Verdict(mutant, Outcome.BUILD, mistake.kind)
        original = self.kernel.routines[mutant.symbol]
        if _is_same(original, made):
            return Verdict(mutant, Outcome.SAME_CODE)
        place = _first_difference(original, made)
        where = str(place.line.source)
        found = self.kernel.checked(made, data)
        if found:
            return Verdict(mutant, Outcome.BUILD, found[0].rule, where)
        return Verdict(
            mutant,
            self._compared(made, data, place.offset) if run else Outcome.NOTHING,
            place=where,
        )

    def _compared(self, made: PlacedRoutine, data: list[PackedData], offset: int) -> Outcome:
        """Run the routine with the fault beside the one without."""
        reached = False
        for seed in range(RUNS):
            original = self._original(made.routine.symbol, seed)
            if not original.reached(offset):
                continue
            reached = True
            if original.differs(self.laboratory.run(made, data, seed)):
                return Outcome.RUNNING
        return Outcome.NO_CHANGE if reached else Outcome.NOTHING

    def _original(self, symbol: str, seed: int) -> Run:
        if (symbol, seed) not in self._runs:
            placed = self.kernel.routines[symbol]
            self._runs[symbol, seed] = self.laboratory.run(placed, [], seed)
        return self._runs[symbol, seed]


def _is_same(one: PlacedRoutine, other: PlacedRoutine) -> bool:
    """Whether nobody can tell the two apart."""
    same_code = one.code.code == other.code.code and _aims(one) == _aims(other)
    return same_code and one.routine.sleeps == other.routine.sleeps


def _aims(placed: PlacedRoutine) -> list[tuple[object, ...]]:
    """What the code refers to; jump tables have another name each time."""
    return [
        (one.offset, one.kind, one.addend, "table" not in one.target and one.target)
        for one in placed.code.relocations
    ]


def _first_difference(original: PlacedRoutine, other: PlacedRoutine) -> PlacedLine:
    """The first line of `original` that is another one in `other`, or its last one."""
    lines = original.code.lines
    for mine, theirs in zip_longest(lines, other.code.lines):
        if mine is None or theirs is None or _meaning(mine) != _meaning(theirs):
            return mine or lines[-1]
    return lines[-1]


def _meaning(placed: PlacedLine) -> tuple[object, ...]:
    aims = tuple(one.target for one in placed.line.references if isinstance(one.target, str))
    return placed.line.statement, aims
