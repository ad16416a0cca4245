"""Operations that programs ask for, and what they should take at most."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from scripts.benchmarks.figure import Figure

LINE = re.compile(r"^(\w+): ([\d.]+) (ns/op|MB/s)", re.MULTILINE)
END = "BENCH-END"


class Aim(NamedTuple):
    """A figure: what it is called, what it should be at most, and what Linux takes, if anybody has
    measured that."""

    name: str
    target: float
    linux: float | None = None
    waited: int = 0
    """What is no work: the time that was asked for."""
    unit: str = "instructions"


def measured(printed: str, aims: Mapping[str, Aim]) -> dict[str, float]:
    """What each operation of `aims` took in instructions (those on bytes: each byte), as the
    programs `printed` it."""
    return {
        name: (1000 / float(value) if unit == "MB/s" else float(value)) - aims[name].waited
        for name, value, unit in LINE.findall(printed)
        if name in aims
    }


def figures_of(aims: Mapping[str, Aim], found: Mapping[str, float]) -> Iterator[Figure]:
    """What was `found` of each of `aims`, beside it."""
    for name, aim in aims.items():
        target = f"{aim.target:,} or less"
        if name not in found:
            yield Figure(aim.name, "not measured", target, False)
            continue
        digits = 0 if aim.target > 1 else 3
        told = f"{found[name]:,.{digits}f} {aim.unit}"
        if aim.linux is not None:
            told += f" (Linux: {aim.linux:,})"
        yield Figure(aim.name, told, target, found[name] <= aim.target)
