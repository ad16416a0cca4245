"""Threads and locks in a running kernel."""

import re

import pytest

from pykasm.machine.pytest_plugin import MakeMachine

ROW = re.compile(r" +(\d+) +(\d+)  (\w+) +(\d+) +(\d+)  (.+)")


def test_threads_lists_all_of_them(machine: MakeMachine) -> None:
    prompt = machine()
    prompt.expect_prompt()
    _, *rows, total = prompt.command("threads").splitlines()
    found = [ROW.fullmatch(row) for row in rows]
    shown = [(one[6], one[3], int(one[2])) for one in found if one]
    assert ("boot", "running", 16) in shown
    assert ("idle", "ready", 0) in shown
    assert total == f"{len(shown)} threads"


@pytest.mark.parametrize("cpu", ["qemu64", "max"])
@pytest.mark.parametrize("family", ["threads", "sync", "xstate"])
def test_the_kernels_own_tests_pass(machine: MakeMachine, family: str, cpu: str) -> None:
    prompt = machine(arguments=("-cpu", cpu))
    prompt.expect_prompt()
    last = prompt.command(f"test {family}", timeout=60).splitlines()[-1]
    assert re.fullmatch(r"tests: \d+ passed, 0 failed", last)
