"""The kernel's own operations, in instructions, by an emulator that counts them.

The kernel is built without `asserts`, as those who care for speed have it.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from pykasm.build.project import Project
from pykasm.machine.images import Images
from pykasm.machine.session import Machine
from scripts.benchmarks.figure import Figure

ROOT = Path(__file__).resolve().parents[2]
COUNTING = ("-icount", "shift=0,sleep=off")
"""One instruction, one nanosecond, one tick; waiting takes no time."""

PATIENCE = 600.0
"""Seconds for all benchmarks together; none takes part in a figure."""

TARGETS = {
    "pages.allocate_free": 60,
    "slab.allocate_free": 50,
    "mapping.map_unmap": 300,
    "threads.yield_among_10": 120,
    "interrupts.entry_exit": 120,
}
"""Instructions, at most."""

LOADED = {"_scarce": "", "_among_10000": "_among_10"}
"""Ends of the names of figures under load, and of those without."""
FLAT = 1.25
"""What load may do to a figure, at most: nothing, or a few steps more in a tree."""

BOOT_TARGET = 3_000_000
BOOT_MEMORY = (1024, 4096, 16384, 65536)
"""MiB; the target is for the first."""
BOOTS = 3
"""Times each is started; the least counts. The kernel waits where the host is slow to take what it
sends over the serial line."""

LINE = re.compile(r"^(\S+) +([\d.]+) ticks$", re.MULTILINE)
TICKS_TO_PROMPT = "BootTimer.elapsed_ticks"


def figures() -> Iterator[Figure]:
    """What starting costs, and what each operation does."""
    with tempfile.TemporaryDirectory() as folder:
        project = replace(Project.load(ROOT), debug=False)
        images = Images.build(project, Path(folder))
        for memory in BOOT_MEMORY:
            yield _boot(images, memory)
        with _counting(images, 1024) as machine:
            machine.expect_prompt()
            report = machine.command("bench all", timeout=PATIENCE)
    measured = {name: float(ticks) for name, ticks in LINE.findall(report)}
    for name, ticks in measured.items():
        yield _figure(name, ticks, _target(name, measured))


def _target(name: str, measured: dict[str, float]) -> int | None:
    """What the figure `name` should be at most; under load, what others of those `measured` say."""
    for loaded, idle in LOADED.items():
        if name.endswith(loaded):
            return int(FLAT * measured[name.removesuffix(loaded) + idle])
    return TARGETS.get(name)


def _counting(images: Images, memory: int, *, direct: bool = True) -> Machine:
    """A machine with `memory` MiB, which the host need not have: only what is touched is used."""
    unreserved = f"memory-backend-ram,id=ram,size={memory}M,reserve=off"
    return images.machine(
        direct=direct,
        cpu="max",
        memory=memory,
        arguments=(*COUNTING, "-object", unreserved, "-machine", "memory-backend=ram"),
        lifetime=PATIENCE,
    )


def _boot(images: Images, memory: int) -> Figure:
    """Instructions from the jump of GRUB to the prompt."""
    elapsed = min(_ticks_to_prompt(images, memory) for _ in range(BOOTS))
    target = BOOT_TARGET if memory == BOOT_MEMORY[0] else None
    return _figure(f"boot to the prompt, {memory // 1024} GiB", elapsed, target)


def _ticks_to_prompt(images: Images, memory: int) -> int:
    with _counting(images, memory, direct=False) as machine:
        machine.expect_prompt()
        row = machine.command(f"peek {TICKS_TO_PROMPT} 8").split()
    return int.from_bytes(bytes.fromhex("".join(row[1:9])), "little")


def _figure(name: str, value: float, target: int | None) -> Figure:
    measured = f"{value:,.1f} instructions" if value % 1 else f"{value:,.0f} instructions"
    if target is None:
        return Figure(name, measured)
    return Figure(name, measured, f"{target:,} or less", value <= target)
