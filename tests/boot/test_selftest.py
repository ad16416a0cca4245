"""Tests and benchmarks inside the running kernel."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from pykasm.machine.images import Images
from pykasm.machine.pytest_plugin import MakeMachine
from pykasm.machine.qemu import PANIC_STATUS

PATIENCE = 240.0
"""Seconds for all tests together, on a busy host."""

OUTCOME = re.compile(r"^tests: (\d+) passed, (\d+) failed$", re.MULTILINE)

DEVICES = ("-device", "edu", "-device", "e1000e,romfile=")
"""What some tests need; without a program for starting from the network, which firmware tries."""

DIRECT, BIOS, UEFI = {"direct": True}, {"direct": False}, {"uefi": True}
MACHINES = [  # each two settings meet
    (DIRECT, 1, "qemu64", 64),
    (DIRECT, 2, "max", 1024),
    (DIRECT, 4, "qemu64", 6144),
    (BIOS, 1, "max", 6144),
    (BIOS, 2, "qemu64", 64),
    (BIOS, 4, "max", 1024),
    (UEFI, 1, "qemu64", 1024),
    (UEFI, 2, "max", 6144),
    (UEFI, 4, "max", 64),
]


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


@pytest.mark.parametrize(("way", "smp", "cpu", "memory"), MACHINES)
def test_all_tests_pass(
    machine: MakeMachine, way: dict[str, bool], smp: int, cpu: str, memory: int
) -> None:
    made = machine(**way, smp=smp, cpu=cpu, memory=memory, arguments=DEVICES, lifetime=PATIENCE)
    made.expect_prompt()
    report = made.command("test all", timeout=PATIENCE)
    assert "skipped" not in report
    outcome = OUTCOME.search(report)
    assert outcome is not None
    assert int(outcome[1]) > 0
    assert int(outcome[2]) == 0, report


def test_all_tests_pass_in_a_release_build(kernel_images: Images, tmp_path: Path) -> None:
    project = replace(kernel_images.project, debug=False, build=str(tmp_path / "build"))
    released = Images.build(project, tmp_path)
    with released.machine(smp=2, cpu="max", arguments=DEVICES, lifetime=PATIENCE) as made:
        made.expect_prompt()
        report = made.command("test all", timeout=PATIENCE)
        outcome = OUTCOME.search(report)
        assert outcome is not None
        assert int(outcome[2]) == 0, report


def test_a_minute_of_everything_at_once_does_no_harm(machine: MakeMachine) -> None:
    made = machine(smp=4, lifetime=PATIENCE)
    made.expect_prompt()
    report = made.command("test soak.mix", timeout=PATIENCE)
    assert report.splitlines()[-1] == "tests: 1 passed, 0 failed", report


@pytest.mark.parametrize(
    ("name", "lost"),
    [
        ("page", "free pages"),
        ("object", "objects"),
        ("mapping", "mappings"),
    ],
)
def test_a_test_that_loses_something_fails(machine: MakeMachine, name: str, lost: str) -> None:
    made = machine()
    made.expect_prompt()
    report = made.command(f"test leaking.{name}")
    assert re.search(rf"{lost}: \d+ before, \d+ after: ", report), report
    assert report.splitlines()[-1] == "tests: 0 passed, 1 failed"


@pytest.mark.parametrize(
    ("name", "culprit"),
    [
        (
            "stuck.asleep",
            r"pool: blocked.*\n( +#\d+ .*\n)* +#\d+ .*Semaphores\.down",
        ),
        ("stuck.busy", r"StuckTests\.busy"),
    ],
)
def test_a_test_that_does_not_end_is_reported_with_what_threads_do(
    machine: MakeMachine, name: str, culprit: str
) -> None:
    made = machine()
    made.expect_prompt()
    made.send_line(f"test {name}")
    assert made.wait_exit() == PANIC_STATUS
    assert f"\nstuck: {name}\n" in made.output
    assert "panic: a test does not end" in made.output
    assert re.search(culprit, made.output)


def test_what_never_ends_is_not_part_of_all_tests(machine: MakeMachine) -> None:
    made = machine()
    made.expect_prompt()
    assert "stuck.asleep" in made.command("test").splitlines()
    assert "stuck.asleep" not in made.command("test all", timeout=PATIENCE)
