"""The program that the kernel begins with."""

from __future__ import annotations

import shutil
import subprocess
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


UNMOVED = r"""
#include <signal.h>
#include <sys/mman.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile int handled;
static void handle(int number) { handled++; }

static void touch(unsigned long size) {
    char *memory = mmap(0, size, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    for (unsigned long i = 0; memory != MAP_FAILED && i < size; i += 4096)
        memory[i] = 1;
}

int main(void) {
    int status;
    struct sysinfo info;
    signal(SIGUSR1, handle);
    sysinfo(&info);
    touch(info.freeram * info.mem_unit / 2);  // it has more than the other will have
    pid_t child = fork();
    if (!child) {
        for (int number = 1; number < 32; number++)
            if (number != SIGUSR1)
                kill(getppid(), number);
        kill(getppid(), 40);
        kill(getppid(), SIGUSR1);
        touch(info.freeram * info.mem_unit);
        _exit(0);
    }
    raise(SIGTERM);
    raise(SIGKILL);
    while (waitpid(child, &status, 0) != child)
        ;
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL && handled == 1 ? 9 : 1;
}
"""


def test_only_what_it_handles_or_does_itself_ends_the_first_program(
    machine: MakeMachine, tmp_path: Path
) -> None:
    if shutil.which("musl-gcc") is None:
        pytest.skip("musl-gcc is not installed (the package musl-tools)")
    source, program = tmp_path / "unmoved.c", tmp_path / "unmoved"
    source.write_text(UNMOVED)
    subprocess.run(["musl-gcc", "-static", "-o", program, source], check=True)
    made = tmp_path / "initrd"
    made.write_bytes(archive([directory("sbin"), file("sbin/init", program.read_bytes(), 0o755)]))
    kernel = machine(modules=(made,))
    assert "init ended: exit status 9" in kernel.expect_prompt(120).splitlines()
