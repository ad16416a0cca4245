"""What programs pay for files, in instructions, by an emulator that counts them, and how little of
that grows with what there is."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from scripts.benchmarks.aims import END, LINE, Aim, figures_of, measured
from scripts.benchmarks.figure import Figure
from scripts.benchmarks.kernel import PATIENCE
from scripts.benchmarks.release import MISSING, SOURCE, SUBJECTS, Release, can_measure

MEMORY = 1024
"""MiB."""

EACH = "instructions a byte"
AIMS = {
    "read1_zero": Aim("a read of 1 byte of /dev/zero", 200, 666),
    "write1_null": Aim("a write of 1 byte to /dev/null", 180, 589),
    "open_close": Aim("open and close", 1_800, 6_249),
    "stat": Aim("stat", 1_200, 3_187),
    "fstat": Aim("fstat", 350, 1_038),
    "creat_close_unlink": Aim("create, close, unlink", 6_000, 24_754),
    "poll10": Aim("poll of 10", 700, 1_913),
    "epoll_wait1": Aim("epoll_wait with one ready", 250, 724),
    "unix_pingpong": Aim("a Unix socket between processes, there and back", 4_000, 17_073),
    "file_read_bw": Aim("reading a file", 0.15, 0.26, unit=EACH),
    "pipe_bw": Aim("through a pipe", 0.3, 0.76, unit=EACH),
}

MANY_MEMORY = 3072
"""MiB, for a million names."""
FLAT = 1.1
"""What much may do to a figure, at most."""
GROWN = {
    "stat": ("stat among {} names in a directory", 10, 1_000_000),
    "epoll_wait": ("epoll_wait with {} watched", 10, 100_000),
    "dup_close": ("the lowest free descriptor with {} open", 10, 100_000),
}
"""What is told of them, and what is little and much for each; `subjects/flat.c` has the same."""


def figures() -> Iterator[Figure]:
    """Each operation, and each that has much to look at."""
    if not can_measure():
        yield Figure("files", MISSING)
        return
    with tempfile.TemporaryDirectory() as folder:
        release = Release(Path(folder))
        sections = " ".join(f"={section}" for section in AIMS)
        program = release.compiled(SOURCE)
        with release.machine(program, f"-q {sections}", memory=MEMORY) as machine:
            printed = machine.expect(f"(.*){END}", timeout=PATIENCE).group(1)
        yield from figures_of(AIMS, measured(printed, AIMS))
        flat = release.compiled(SUBJECTS / "flat.c")
        with release.machine(flat, memory=MANY_MEMORY) as machine:
            printed = machine.expect(f"(.*){END}", timeout=PATIENCE).group(1)
        yield from _flatness({name: float(value) for name, value, _ in LINE.findall(printed)})


def _flatness(found: Mapping[str, float]) -> Iterator[Figure]:
    """How much each takes where there is much, in times of where there is little."""
    for name, (told, few, many) in GROWN.items():
        little, much = found[f"{name}_{few}"], found[f"{name}_{many}"]
        measure = f"{much:,.0f} instructions, {little:,.0f} with {few}"
        target = f"within {FLAT - 1:.0%}"
        yield Figure(told.format(f"{many:,}"), measure, target, much <= FLAT * little)
