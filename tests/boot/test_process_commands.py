"""Commands of the monitor about processes."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from pykasm.machine.cpio import archive, directory, file, symlink
from pykasm.machine.qemu import PANIC_STATUS
from pykasm.machine.session import Machine
from tests.boot.test_programs import busybox, compiled

MakeMachine = Callable[..., Machine]

Start = Callable[[str], Machine]
"""Starts a machine whose shell runs a command, and asks for the monitor once that says `ready`."""


@pytest.fixture
def start(machine: MakeMachine, tmp_path: Path) -> Start:
    initrd = tmp_path / "initrd"
    links = [symlink(f"bin/{name}", "busybox") for name in ("sh", "sleep")]
    program = file("bin/busybox", busybox(), 0o755)
    initrd.write_bytes(archive([directory("bin"), program, *links]))

    def started(command: str) -> Machine:
        line = f'test init=/bin/sh -- -c "{command}"'
        kernel = machine(modules=(initrd,), smp=2, command_line=line)
        kernel.expect("\nready\r\n")
        kernel.qmp("chardev-send-break", id="serial")
        kernel.expect_prompt()
        return kernel

    return started


def processes(kernel: Machine) -> list[list[str]]:
    """What `ps` shows, in words."""
    head, *rows = kernel.command("ps").splitlines()
    names = ("pid", "parent", "group", "session", "user", "threads", "memory", "state", "name")
    assert tuple(head.split()) == names
    found = []
    for row in rows:
        *numbers, memory, unit, state, name = row.split()
        assert 1 < float(memory) < 1024
        assert unit in ("KiB", "MiB")
        found.append([*numbers, state, name])
    return found


def test_ps_shows_all_processes(start: Start) -> None:
    kernel = start("sleep 1000 & sleep 2000 & kill -STOP 3; echo ready; wait")
    first, running, stopped = processes(kernel)
    assert first == ["1", "0", "1", "1", "0", "1", "sleeping", "sh"]
    assert running[:2] == ["2", "1"]
    assert stopped[:-1] == [
        "3",
        "1",
        "1",
        "1",
        "0",
        "1",
        "stopped",
    ]  # perhaps before it was `sleep`


def test_kill_sends_signals(start: Start) -> None:
    kernel = start("sleep 1000 & sleep 2000 & echo ready; wait 2; echo 2: $?; wait 3; echo 3: $?")
    assert kernel.command("kill 3 usr") == "no signal is called usr"
    assert kernel.command("kill 3 65") == "no signal is called 65"
    assert kernel.command("kill 9 KILL") == "no process 9 (`ps` shows them)"
    assert kernel.command("kill x") == "usage: kill PID [SIGNAL]"
    assert kernel.command("kill 2") == ""
    kernel.expect(r"2: 143")
    kernel.send_line("kill 3 SIGUSR1")
    kernel.expect(r"3: 138")
    kernel.expect("init ended: exit status 0")


def test_a_panic_names_the_program(start: Start) -> None:
    kernel = start("(while :; do :; done) & echo ready; while :; do :; done")
    busy = next(
        line.split()[0]
        for line in kernel.command("cpus").splitlines()[1:]
        if not line.endswith(" boot")
    )
    kernel.send_line(f"crash ud {busy}")
    assert kernel.wait_exit() == PANIC_STATUS
    assert re.search(
        r"\n  thread \d+ .*\n  process (1, thread 1|2, thread 2): sh\r?\n", kernel.output
    )


TOUCHES = r"""
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

int main(void) {
    char *start = mmap((void *)0x10000000, 4 << 20, 3, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    start[0] = start[3 << 20] = 1;
    mprotect(start + 4096, 8192, PROT_READ);
    puts("ready");
    fflush(stdout);
    pause();
}
"""


def test_regions_shows_what_a_process_has_and_what_is_in_large_pages(
    machine: MakeMachine, tmp_path: Path
) -> None:
    initrd = tmp_path / "initrd"
    program = file("bin/touches", compiled(tmp_path, "touches", TOUCHES), 0o755)
    initrd.write_bytes(archive([directory("bin"), program]))
    kernel = machine(modules=(initrd,), command_line="test init=/bin/touches")
    kernel.expect("\nready\r\n")
    kernel.qmp("chardev-send-break", id="serial")
    kernel.expect_prompt()
    shown = kernel.command("regions 1").splitlines()
    assert [line.split() for line in shown if line.startswith("00000000100")] == [
        ["0000000010000000-0000000010001000", "rw-p", "4", "KiB", "0", "B"],
        ["0000000010001000-0000000010003000", "r--p", "8", "KiB", "0", "B"],
        # the rest of the first large page, which was split, and the second one
        ["0000000010003000-0000000010400000", "rw-p", "3.9", "MiB", "2", "MiB"],
    ]
    assert kernel.command("regions 7") == "no process 7 (`ps` shows them)"
    assert kernel.command("regions x") == "usage: regions PID"
