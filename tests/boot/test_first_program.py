"""The program that the kernel begins with."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pykasm.machine.cpio import archive, directory, file
from pykasm.machine.session import Machine
from tests.boot.test_programs import ARGUMENTS, FAR, SUM

MakeMachine = Callable[..., Machine]


@pytest.fixture
def initrd(tmp_path: Path) -> Path:
    made = tmp_path / "initrd"
    programs = {"sbin/init": SUM, "bin/arguments": ARGUMENTS, "bin/far": FAR, "bin/text": b"text"}
    files = [file(name, contents, 0o755) for name, contents in programs.items()]
    made.write_bytes(archive([directory("bin"), directory("sbin"), *files]))
    return made


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("", "init ended: exit status 30"),
        ("init=/bin/arguments -- 7", "init ended: exit status 57"),
        ("some=thing  init=/bin/arguments x=y -- +x ", "init ended: exit status 45"),
        ('init=/bin/arguments -- "7 words" "" x', "init ended: exit status 59"),
        ("init=/bin/far", "init ended: signal 11"),
        ("init=/bin/none", "init=/bin/none: error 2"),
        ("init=/bin/text", "init=/bin/text: error 8"),
    ],
)
def test_the_first_program_runs_before_the_prompt(
    machine: MakeMachine, initrd: Path, line: str, told: str
) -> None:
    kernel = machine(modules=(initrd,), command_line=line)
    assert told in kernel.expect_prompt().splitlines()


@pytest.mark.parametrize("line", ["monitor", "init=/bin/arguments monitor"])
def test_the_monitor_comes_at_once_where_that_is_asked_for(
    machine: MakeMachine, initrd: Path, line: str
) -> None:
    kernel = machine(modules=(initrd,), command_line=line)
    assert "init" not in kernel.expect_prompt().replace(line, "")
