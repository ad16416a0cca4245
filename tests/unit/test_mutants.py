"""The checker against faults planted in the kernel."""

from __future__ import annotations

from typing import Any

import pytest

from pykasm.lang.function import BoundFunction
from pykasm.lang.objects import PlacedRoutine
from pykasm.parallel import in_parallel
from tests.mutation.kernel import Kernel
from tests.mutation.source import Body
from tests.mutation.table import TARGET, total
from tests.mutation.trial import Court, Mutant, Outcome, Verdict, chosen

EACH, AT_LEAST = 20, 500
"""How many faults of each kind are planted at most, and of all kinds at least."""


@pytest.fixture(scope="module")
def kernel() -> Kernel:
    return Kernel()


@pytest.fixture(scope="module")
def mutants(kernel: Kernel) -> list[Mutant]:
    return chosen(kernel, EACH)


@pytest.fixture(scope="module")
def verdicts(kernel: Kernel, mutants: list[Mutant]) -> list[Verdict]:
    """What becomes of each fault; only those that rules forbid are run if the build misses them."""
    return Court(kernel).judge_all(mutants, run=lambda one: one.kind.is_forbidden)


def test_the_kernel_as_it_is_has_no_faults(kernel: Kernel) -> None:
    assert [one for found in kernel.findings.values() for one in found] == []


def test_a_body_without_a_fault_is_the_same_code_again(kernel: Kernel) -> None:
    def is_same(bound: BoundFunction[Any]) -> bool:
        body = Body(bound)
        routine, _ = kernel.written(body.faulty(body.definition, lambda node: node))
        code = kernel.assembled(routine).code.code
        return code == kernel.build.routines[routine.symbol].code.code

    functions = [*kernel.functions()]
    same = in_parallel(is_same, functions)
    assert [one._label for one, good in zip(functions, same, strict=True) if not good] == []


def test_a_run_is_the_same_again(kernel: Kernel) -> None:
    laboratory = Court(kernel).laboratory

    def is_same(placed: PlacedRoutine) -> bool:
        first = laboratory.run(placed, [], 1)
        return not first.differs(laboratory.run(placed, [], 1))

    same = in_parallel(is_same, [*kernel.routines.values()])
    symbols = zip(kernel.routines, same, strict=True)
    assert [symbol for symbol, good in symbols if not good] == []


def test_a_fault_that_changes_a_result_shows_when_it_is_run(
    kernel: Kernel, mutants: list[Mutant]
) -> None:
    negated = [one for one in mutants if one.kind.name == "condition negated"]
    judged = Court(kernel).judge_all(negated, run=lambda one: True)
    outcomes = [one.outcome for one in judged]
    let_through = [one for one in outcomes if one is not Outcome.BUILD]
    assert len(let_through) > 5
    assert let_through.count(Outcome.RUNNING) > len(let_through) / 2


def test_the_build_finds_most_faults_that_rules_forbid(verdicts: list[Verdict]) -> None:
    missed = [
        f"{one.mutant.kind.name}: {one.place}"
        for one in verdicts
        if one.mutant.kind.is_forbidden and one.outcome in (Outcome.RUNNING, Outcome.NOTHING)
    ]
    assert len(verdicts) >= AT_LEAST
    assert total(verdicts, forbidden=True).share >= TARGET, "\n".join(missed)
