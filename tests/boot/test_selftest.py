"""Tests and benchmarks inside the running kernel."""

import re

import pytest

from pykasm.machine.pytest_plugin import MakeMachine

OUTCOME = re.compile(r"^tests: (\d+) passed, (\d+) failed$", re.MULTILINE)


def test_names_are_listed(machine: MakeMachine) -> None:
    made = machine()
    made.expect_prompt()
    assert "basics.breakpoint" in made.command("test").splitlines()
    assert "basics.empty_loop" in made.command("bench").splitlines()


def test_a_family_of_tests_runs_by_its_name(machine: MakeMachine) -> None:
    made = machine()
    made.expect_prompt()
    assert made.command("test basics").splitlines()[-1] == "tests: 1 passed, 0 failed"


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("test nothing", "no test is called nothing (`test` lists them)"),
        ("bench nothing", "no benchmark is called nothing (`bench` lists them)"),
    ],
)
def test_unknown_names_get_one_line(machine: MakeMachine, line: str, answer: str) -> None:
    made = machine()
    made.expect_prompt()
    assert made.command(line) == answer


def test_a_tick_is_an_instruction_where_the_emulator_counts(machine: MakeMachine) -> None:
    made = machine(arguments=("-icount", "shift=0,sleep=off"))
    made.expect_prompt()
    ticks = made.command("bench basics.empty_loop").split()
    assert ticks[0] == "basics.empty_loop"
    assert ticks[1] == "4.0"  # nop, inc, cmp, jb
