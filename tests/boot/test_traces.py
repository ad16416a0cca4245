"""Traces of system calls, as people see them."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from pykasm.machine.initramfs import of_program
from pykasm.machine.session import Machine
from tests.boot.test_process_commands import Start, start

__all__ = ["start"]

MakeMachine = Callable[..., Machine]

PROGRAM = """
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

int main(int count, char **words)
{
    char room[64];
    struct stat status;
    struct timespec span = { 0, 1000 };
    int file;

    if (count > 1)
        return 7;
    file = open("/bin/made", O_RDWR | O_CREAT | O_EXCL, 0640);
    write(file, "a\\tb\\n", 4);
    lseek(file, 0, SEEK_SET);
    read(file, room, sizeof room);
    fstat(file, &status);
    open("/none", O_RDONLY);
    nanosleep(&span, 0);
    syscall(511, 1);
    execl("/none", "none", (char *)0);
    if (vfork() == 0) {
        execl(words[0], words[0], "two words", (char *)0);
        _exit(1);
    }
    wait(0);
    return 5;
}
"""

SHOWN = [
    'open("/bin/made", O_RDWR|O_CREAT|O_EXCL|O_LARGEFILE, 0640) = 3',
    r'write(3, "a\tb\n", 4) = 4',
    "lseek(3, 0, SEEK_SET) = 0",
    r'read(3, "a\tb\n", 64) = 4',
    "fstat(3, {st_mode=0100640, st_size=4}) = 0",
    'open("/none", O_RDONLY|O_LARGEFILE, 0) = -1 ENOENT',
    "nanosleep({tv_sec=0, tv_nsec=1000}, NULL) = 0",
    "system call 511 = -1 ENOSYS",
    'execve("/none", ["none"], ADDRESS) ...',
    "... execve = -1 ENOENT",
    "vfork() = 2",
    "wait4(-1, NULL, 0, NULL) = 2",
    "exit_group(5) ...",
]


@pytest.fixture
def initrd(tmp_path: Path) -> Path:
    """An archive with the program."""
    compiler = shutil.which("musl-gcc")
    if compiler is None:
        pytest.skip("there is no musl-gcc (package musl-tools)")
    source, program = tmp_path / "traced.c", tmp_path / "traced"
    source.write_text(PROGRAM)
    subprocess.run([compiler, "-static", "-o", program, source], check=True)
    contents, _ = of_program(program)
    made = tmp_path / "initrd"
    made.write_bytes(contents)
    return made


def traced(machine: MakeMachine, initrd: Path, option: str) -> dict[str, list[str]]:
    """What is printed, by the threads that it is about."""
    kernel = machine(modules=(initrd,), smp=2, command_line=f"init=/bin/traced {option}")
    said = kernel.expect_prompt().replace("\r", "")
    assert "init ended: exit status 5" in said
    lines: dict[str, list[str]] = {}
    for number, text in re.findall(r"^\[(\d+)\] (.*)$", said, re.MULTILINE):
        text = re.sub(r"0x7f\w+", "ADDRESS", text)
        if not text.startswith(("rt_sigprocmask", "fcntl", "arch_prctl", "set_tid_address")):
            lines.setdefault(number, []).append(text)
    return lines


def test_the_first_program_is_traced_from_its_beginning(machine: MakeMachine, initrd: Path) -> None:
    assert traced(machine, initrd, "trace=1") == {"1": SHOWN}


def test_all_programs_are_traced(machine: MakeMachine, initrd: Path) -> None:
    lines = traced(machine, initrd, "trace=all")
    assert lines["1"] == SHOWN
    assert lines["2"] == [
        'execve("/bin/traced", ["/bin/traced", "two words"], ADDRESS) ...',
        "exit_group(7) ...",
    ]


def test_nothing_is_traced_unless_somebody_wants_it(machine: MakeMachine, initrd: Path) -> None:
    assert traced(machine, initrd, "") == {}


def test_traces_begin_and_end_at_the_prompt(start: Start) -> None:
    kernel = start("echo ready; while :; do kill -0 1; done")
    kernel.send_line("trace 1")
    kernel.expect(r"\n\[1\] kill\(1, 0\) = 0\r\n")
    kernel.send_line("trace off")
    kernel.send_line("peek 0")
    kernel.expect("not mapped")
    kernel.expect_prompt()
    assert kernel.command("trace 2") == "no process 2 (`ps` shows them)"
    assert kernel.command("trace") == "usage: trace PID|all|off"
    assert kernel.command("trace nobody") == "usage: trace PID|all|off"
