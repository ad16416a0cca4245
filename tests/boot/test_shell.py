"""A shell of Linux, as the first program."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pykasm.machine.cpio import archive, directory, file, symlink
from pykasm.machine.session import Machine
from tests.boot.test_programs import busybox

MakeMachine = Callable[..., Machine]

COMMANDS = ("awk", "cat", "echo", "grep", "head", "ls", "mkdir", "sed", "sh", "sort", "wc")

ASKED = r"\x1b\[6n"
"""The shell asks the terminal where its cursor is; nobody answers."""


class Shell:
    """A machine at the prompt of its shell."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.await_prompt()

    def await_prompt(self) -> str:
        """What is said before the next prompt."""
        return str(self.machine.expect(rf"(.*?)/ [$#] (?:{ASKED})?").group(1))

    def run(self, command: str) -> list[str]:
        """The lines that `command` prints."""
        self.machine.send_line(command)
        return self.await_prompt().replace("\r\n", "\n").split("\n")[1 + command.count("\r") : -1]


@pytest.fixture
def shell(machine: MakeMachine, tmp_path: Path) -> Shell:
    initrd = tmp_path / "initrd"
    links = [symlink(f"bin/{name}", "busybox") for name in COMMANDS]
    program = file("bin/busybox", busybox(), 0o755)
    folders = [directory("bin"), directory("tmp", 0o1777)]
    initrd.write_bytes(archive([*folders, program, *links]))
    return Shell(machine(modules=(initrd,), smp=2, command_line=""))


def test_a_shell_runs_commands(shell: Shell) -> None:
    assert shell.run("echo one two") == ["one two"]
    assert shell.run("echo a b c | wc -w") == ["3"]
    assert shell.run("for i in 3 1 2; do echo $i; done | sort | head -2") == ["1", "2"]
    assert shell.run("echo $((6 * 7)) > /tmp/x; cat /tmp/x; cat < /tmp/x | cat") == ["42"] * 2
    assert shell.run("cat /tmp/none; echo $?") == [
        "cat: can't open '/tmp/none': No such file or directory",
        "1",
    ]
    assert shell.run("echo 'x y' | sed s/x/z/ | awk '{ print $2, $1 }'") == ["y z"]
    assert shell.run("(exit 3); echo $?; false || echo no") == ["3", "no"]
    assert shell.run("f() { echo $1-$2; }; f a $(echo b)") == ["a-b"]


def test_a_shell_reads_what_stands_in_its_commands(shell: Shell) -> None:
    assert shell.run("cat <<END\rone\rtwo\rEND")[-2:] == ["one", "two"]


def test_a_shell_has_jobs(shell: Shell) -> None:
    assert shell.run("cat /dev/zero | head -c 9 | wc -c") == ["9"]
    assert shell.run("(echo later > /tmp/job) & wait; cat /tmp/job")[0] == "later"
