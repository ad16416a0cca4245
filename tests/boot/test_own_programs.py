"""The programs of `kernel/programs`, on the kernel itself."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pexpect
import pytest

from pykasm.build.pipeline import build
from pykasm.build.project import Project
from pykasm.build.stages import Stages
from pykasm.machine.cpio import archive, directory, file, symlink
from pykasm.machine.initramfs import of_program
from pykasm.machine.qemu import POWEROFF_STATUS
from pykasm.machine.session import Machine
from tests.boot.test_programs import busybox

MakeMachine = Callable[..., Machine]
ROOT = Path(__file__).parents[2]
PATIENCE = 90


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The file of a program, by its name."""
    folder = tmp_path_factory.mktemp("build")

    def make(name: str) -> Path:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("PYKASM_BUILD", str(folder))
            project = Project.load(ROOT).with_program(name)
        build(project, Stages())
        return project.executable

    return make


def test_the_same_file_says_hello_on_linux_and_here(
    machine: MakeMachine, built: Callable[[str], Path], tmp_path: Path
) -> None:
    hello = built("hello")
    said = subprocess.run([hello], capture_output=True, text=True, check=True).stdout
    contents, name = of_program(hello)
    initrd = tmp_path / "initrd"
    initrd.write_bytes(contents)
    kernel = machine(modules=(initrd,), command_line=f"init={name}")
    lines = kernel.expect_prompt().splitlines()
    assert said.strip() in lines
    assert "init ended: exit status 0" in lines


def test_the_debugger_stops_at_the_first_line_of_a_program(built: Callable[[str], Path]) -> None:
    gdb = pexpect.spawn(
        sys.executable,
        ["-m", "pykasm", "debug", "--program", str(built("hello"))],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "TERM": "dumb"},
        encoding="utf-8",
        timeout=PATIENCE,
    )
    try:
        gdb.expect(r"Hello.start \(\) at kernel/programs/hello.py:\d+\r\n\d+\s+xor\(ebp, ebp\)")
        gdb.expect_exact("(gdb) ")
        gdb.sendline("step")
        gdb.expect(r"\d+\s+self.exit_group\(self._greet\(\)\)\r\n\(gdb\) ")
        gdb.sendline("step")
        gdb.expect(r"written = self.write")
        gdb.expect_exact("(gdb) ")
        gdb.sendline("backtrace")
        gdb.expect(r"#0  Hello._greet \(\).*#1 .* in Hello.start \(\)")
        gdb.expect_exact("(gdb) ")
        gdb.sendline("continue")
        gdb.expect_exact("hello from pykasm")
        gdb.expect_exact("init ended: exit status 0")
    finally:
        gdb.close(force=True)


CONFIGURATION = b"""\
# comments and lines without a command are skipped

/dev/console
/dev/console /bin/echo one  "two
/dev/none /bin/echo nobody
  /dev/console\t/bin/none three
"""


def test_init_runs_what_its_configuration_says_and_switches_off(
    machine: MakeMachine, built: Callable[[str], Path], tmp_path: Path
) -> None:
    initrd = tmp_path / "initrd"
    initrd.write_bytes(
        archive(
            [
                *(directory(name) for name in ("bin", "etc")),
                file("init", built("init").read_bytes(), 0o755),
                file("bin/busybox", busybox(), 0o755),
                symlink("bin/echo", "busybox"),
                file("etc/init.conf", CONFIGURATION),
            ]
        )
    )
    kernel = machine(modules=(initrd,), smp=2)
    assert kernel.wait_exit() == POWEROFF_STATUS
    lines = kernel.output.replace("\r", "").splitlines()
    said = [line for line in lines if line.startswith(("one", "init: ")) or "nobody" in line]
    assert sorted(said) == [
        "init: /bin/none: error 2",
        "init: /dev/none: error 2",
        'one "two',
    ]


def test_init_starts_a_shell_where_nothing_is_said(
    machine: MakeMachine, built: Callable[[str], Path], tmp_path: Path
) -> None:
    initrd = tmp_path / "initrd"
    program = file("bin/busybox", busybox(), 0o755)
    links = [symlink(f"bin/{name}", "busybox") for name in ("sh", "ls")]
    files = [directory("bin"), file("init", built("init").read_bytes(), 0o755), program, *links]
    initrd.write_bytes(archive(files))
    kernel = machine(modules=(initrd,))
    kernel.expect(r"/ # ")
    kernel.send_line("ls -d /proc /tmp; echo $$ $PPID")
    kernel.expect(r"/proc +/tmp\r\n2 1\r\n")
    kernel.send_line("exit")
    assert kernel.wait_exit() == POWEROFF_STATUS


ORPHANS = r"""
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static int ends[2];

/* Becomes a child of process 1, and tells its number then. */
static void orphan(void) {
    pid_t self = getpid();
    while (getppid() != 1)
        usleep(1000);
    write(ends[1], &self, sizeof self);
}

int main(void) {
    pid_t one, last;
    pipe(ends);
    if (fork() == 0) {
        if (fork() == 0) {
            orphan();
            return 7;
        }
        return 0;
    }
    wait(0);
    read(ends[0], &one, sizeof one);
    while (kill(one, 0) == 0)
        usleep(1000);
    printf("an orphan is gone, session %s\n", getsid(0) == getpid() ? "of my own" : "of others");
    fflush(stdout);
    signal(SIGHUP, SIG_IGN);  // of the end of the session, which may come at once
    if (fork() == 0) {
        orphan();
        usleep(300000);
        printf("last words\n");
    }
    return 0;
}
"""
"""Has process 1 adopt two processes: waits until the first one is reaped, and leaves the other."""

LOOK_AT_MOUNTS = b"""\
for folder in /tmp /run; do
    echo inside >$folder/file
    umount $folder
    [ -e $folder/file ] || echo "$folder was mounted"
done
exec /bin/orphans
"""


def test_init_mounts_and_reaps_and_waits_for_the_last_process(
    machine: MakeMachine, built: Callable[[str], Path], tmp_path: Path
) -> None:
    if shutil.which("musl-gcc") is None:
        pytest.skip("musl-gcc is not installed (the package musl-tools)")
    source, orphans = tmp_path / "orphans.c", tmp_path / "orphans"
    source.write_text(ORPHANS)
    subprocess.run(["musl-gcc", "-static", "-w", "-o", orphans, source], check=True)
    initrd = tmp_path / "initrd"
    initrd.write_bytes(
        archive(
            [
                *(directory(name) for name in ("bin", "etc")),
                file("init", built("init").read_bytes(), 0o755),
                file("bin/busybox", busybox(), 0o755),
                *(symlink(f"bin/{name}", "busybox") for name in ("sh", "umount")),
                file("bin/orphans", orphans.read_bytes(), 0o755),
                file("etc/init.conf", b"/dev/console /bin/sh /etc/mounts\n"),
                file("etc/mounts", LOOK_AT_MOUNTS),
            ]
        )
    )
    kernel = machine(modules=(initrd,), smp=2)
    assert kernel.wait_exit() == POWEROFF_STATUS
    lines = kernel.output.splitlines()
    begin = lines.index("/tmp was mounted")
    assert lines[begin : begin + 4] == [
        "/tmp was mounted",
        "/run was mounted",
        "an orphan is gone, session of my own",
        "last words",
    ]
