"""The checker against faults planted in the kernel."""

from __future__ import annotations

import pytest

from tests.mutation.kernel import Kernel
from tests.mutation.source import Body
from tests.mutation.table import TARGET, total
from tests.mutation.trial import Court, Outcome, Verdict, chosen

EACH, AT_LEAST = 20, 500
"""How many faults of each kind are planted at most, and of all kinds at least."""


@pytest.fixture(scope="module")
def kernel() -> Kernel:
    return Kernel()


@pytest.fixture(scope="module")
def verdicts(kernel: Kernel) -> list[Verdict]:
    """What becomes of each fault; only those that rules forbid are run if the build misses them."""
    court = Court(kernel)
    return [court.judge(one, run=one.kind.is_forbidden) for one in chosen(kernel, EACH)]


def test_the_kernel_as_it_is_has_no_faults(kernel: Kernel) -> None:
    assert [one for found in kernel.findings.values() for one in found] == []


def test_a_body_without_a_fault_is_the_same_code_again(kernel: Kernel) -> None:
    for bound in kernel.functions():
        body = Body(bound)
        routine, _ = kernel.written(body.faulty(body.definition, lambda node: node))
        code = kernel.assembled(routine).code.code
        assert code == kernel.build.routines[routine.symbol].code.code


def test_a_run_is_the_same_again(kernel: Kernel) -> None:
    laboratory = Court(kernel).laboratory
    for placed in kernel.routines.values():
        first = laboratory.run(placed, [], 1)
        assert not first.differs(laboratory.run(placed, [], 1))


def test_a_fault_that_changes_a_result_shows_when_it_is_run(kernel: Kernel) -> None:
    court = Court(kernel)
    negated = [one for one in chosen(kernel, EACH) if one.kind.name == "condition negated"]
    outcomes = [court.judge(one).outcome for one in negated]
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
