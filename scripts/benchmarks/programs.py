"""What programs pay for the kernel's services, in instructions, by an emulator that counts them.

A static program of C measures them as process 1 of a release build. Beside each figure stands what
Linux 6.1 takes for the same on the same emulator.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from pykasm.build.project import Project
from pykasm.machine.cpio import archive, directory, file
from pykasm.machine.images import Images
from scripts.benchmarks.figure import Figure
from scripts.benchmarks.kernel import COUNTING, PATIENCE, ROOT

SOURCE = ROOT.parent / "shared" / "programs" / "bench.c"
"""Prints `SECTION: N ns/op …` for each; here a nanosecond is an instruction."""

MEMORY = 1024
"""MiB."""

LINE = re.compile(r"^(\w+): ([\d.]+) ns/op", re.MULTILINE)
END = "BENCH-END"


class Aim(NamedTuple):
    """A figure: what it is called, what Linux takes, and what it should be at most."""

    name: str
    linux: int
    target: int
    waited: int = 0
    """What is no work: the time that was asked for."""


AIMS = {
    "getppid": Aim("getppid", 332, 90),
    "enosys": Aim("a call that there is not", 218, 70),
    "yield_pingpong": Aim("sched_yield, there and back", 4_088, 600),
    "futex_pingpong": Aim("a futex between threads, there and back", 9_703, 2_000),
    "pipe_pingpong": Aim("a pipe between processes, there and back", 12_580, 3_000),
    "touch_4096": Aim("a page fault on fresh memory", 3_259, 1_200),
    "cow_fault": Aim("a copy on write", 4_256, 1_800),
    "mmap_touch_munmap": Aim("mmap, a touch, munmap", 17_369, 3_500),
    "fork_exit_wait": Aim("fork, exit, wait", 133_570, 35_000),
    "fork_exec_wait": Aim("fork, exec, exit, wait", 270_732, 80_000),
    "thread_create_join": Aim("a thread created and joined", 76_562, 12_000),
    "signal_self": Aim("a signal to oneself", 3_624, 1_000),
    "clock_gettime": Aim("clock_gettime", 79, 70),
    "clock_gettime_sys": Aim("clock_gettime, by a system call", 434, 150),
    "nanosleep_1ms": Aim("nanosleep, beyond its time", 5_000, 5_000, 1_000_000),
}


def figures() -> Iterator[Figure]:
    """Each operation."""
    if shutil.which("musl-gcc") is None or not SOURCE.exists():
        yield Figure("programs", "musl-gcc or the program is not here")
        return
    with tempfile.TemporaryDirectory() as folder:
        measured = _measured(Path(folder))
    for section, aim in AIMS.items():
        if section not in measured:
            yield Figure(aim.name, "not measured", f"{aim.target:,} or less", False)
            continue
        value = measured[section] - aim.waited
        told = f"{value:,.0f} instructions ({aim.linux / value:.1f} times as fast as Linux)"
        yield Figure(aim.name, told, f"{aim.target:,} or less", value <= aim.target)


def _measured(folder: Path) -> dict[str, float]:
    """What the program prints, by its sections."""
    program, initrd = folder / "bench", folder / "initrd"
    subprocess.run(
        ["musl-gcc", "-static", "-O1", "-w", "-pthread", "-o", program, SOURCE], check=True
    )
    initrd.write_bytes(
        archive([directory("tmp", 0o1777), file("init", program.read_bytes(), 0o755)])
    )
    images = Images.build(replace(Project.load(ROOT), debug=False), folder)
    with images.machine(
        cpu="max",
        memory=MEMORY,
        modules=(initrd,),
        command_line=f"init=/init -- -q {' '.join(f'={section}' for section in AIMS)}",
        arguments=COUNTING,
        lifetime=PATIENCE,
    ) as machine:
        printed = machine.expect(f"(.*){END}", timeout=PATIENCE).group(1)
    return {name: float(value) for name, value in LINE.findall(printed)}
