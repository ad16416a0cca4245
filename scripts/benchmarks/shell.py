"""How soon a shell is there, and what it needs."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from pykasm.machine.initramfs import of_folder
from pykasm.machine.session import Machine
from scripts.benchmarks.figure import Figure
from scripts.benchmarks.kernel import PATIENCE, ROOT
from scripts.benchmarks.release import Release

MEMORY = 256
"""MiB."""
PROMPT = "~ # "
TARGETS = {"directly": 0.25, "by GRUB": 0.75}
"""Seconds from POWER-ON to the prompt of the shell that `scripts/run` boots to."""
MEMORY_TARGET = 8
"""MiB, beside the archive."""
STARTS = 3
"""Of each kind; the quickest counts, as the host has other things to do, too."""

MIB = 1 << 20
AVAILABLE = re.compile(r"([0-9a-f]{16})-([0-9a-f]{16}) .* available\r?$", re.MULTILINE)


def figures() -> Iterator[Figure]:
    """From POWER-ON to the prompt, and the memory that is in use there."""
    with tempfile.TemporaryDirectory() as folder:
        root, initrd = Path(folder, "root"), Path(folder, "shell")
        made = subprocess.run([sys.executable, ROOT / "scripts" / "rootfs", root], check=False)
        if made.returncode != 0:
            yield Figure("a shell", "busybox is not here")
            return
        initrd.write_bytes(of_folder(root))
        release = Release(Path(folder))
        for way, target in TARGETS.items():
            seconds = min(_start(release, initrd, way) for _ in range(STARTS))
            name = f"from POWER-ON to the shell's prompt, {way}"
            yield Figure(name, f"{seconds:.2f} s", f"{target} s or less", seconds <= target)
        yield _memory(release, initrd)


def available(said: str) -> int:
    """How many bytes of memory the kernel has been given, as it `said`."""
    return sum(int(end, 16) + 1 - int(start, 16) for start, end in AVAILABLE.findall(said))


def _machine(release: Release, initrd: Path, way: str) -> Machine:
    """A machine that boots to the shell, by one of TARGETS."""
    return release.images.machine(
        memory=MEMORY, smp=1, modules=(initrd,), command_line="", direct=way == "directly"
    )


def _start(release: Release, initrd: Path, way: str) -> float:
    """Seconds until the prompt is there."""
    start = time.monotonic()
    with _machine(release, initrd, way) as machine:
        machine.expect(PROMPT, timeout=PATIENCE)
        return time.monotonic() - start


def _memory(release: Release, initrd: Path) -> Figure:
    """What is in use with init, a shell and what they mount, without the files."""
    with _machine(release, initrd, "directly") as machine:
        said = machine.expect(f"(.*){PROMPT}", timeout=PATIENCE).group(1)
        machine.send_line("cat /proc/meminfo")
        free = int(machine.expect(r"MemFree: +(\d+) kB", timeout=PATIENCE).group(1)) * 1024
    used = (available(said) - free - initrd.stat().st_size) / MIB
    name = f"memory in use at the shell's prompt, beside the archive, of {MEMORY} MiB"
    return Figure(name, f"{used:.2f} MiB", f"{MEMORY_TARGET} MiB or less", used <= MEMORY_TARGET)
