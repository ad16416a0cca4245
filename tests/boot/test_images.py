"""Each image of the kernel comes to the prompt."""

from __future__ import annotations

import pytest

from pykasm.machine.pytest_plugin import MakeMachine


@pytest.mark.parametrize("smp", [1, 2])
def test_the_image_without_tests_has_all_other_commands(machine: MakeMachine, smp: int) -> None:
    with_tests, without = machine(), machine(image="no-selftest", smp=smp)
    for one in (with_tests, without):
        one.expect_prompt()
    lines = with_tests.command("help").splitlines()
    kept = [line for line in lines if not line.startswith(("test ", "bench "))]
    assert len(lines) == len(kept) + 2
    assert without.command("help").splitlines() == kept


@pytest.mark.parametrize("smp", [1, 2])
def test_the_smallest_image_serves_at_its_prompt(machine: MakeMachine, smp: int) -> None:
    kernel = machine(image="smallest", smp=smp)
    kernel.expect_prompt()
    assert kernel.command("help").split() == ["help", "this", "list"]
    assert kernel.command("mem") == "unknown command: mem (`help` lists them)"


def test_the_smallest_image_starts_from_grub(machine: MakeMachine) -> None:
    machine(image="smallest", direct=False).expect_prompt()
