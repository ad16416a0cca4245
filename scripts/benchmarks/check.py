"""Checking the kernel, from nothing and after one function changed: seconds by instructions."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from statistics import median

from kernel.image import image
from pykasm.check import effects
from pykasm.check.build import Build
from pykasm.check.checker import report
from pykasm.check.content import Content
from pykasm.collection import without_garbage_collection
from pykasm.encode.encoder import Encoder
from pykasm.isa.code import Line
from pykasm.lang.objects import AssembledUnit, PlacedRoutine, assemble_program
from scripts.benchmarks.figure import Figure, spread, timed

INSTRUCTIONS = 50_000
FROM_NOTHING, ONE_FUNCTION = 1.0, 0.1
"""Targets in seconds for so many instructions."""

ROUNDS = 5


def figures() -> Iterator[Figure]:
    """Both checks. As in builds, what an earlier one has kept of functions is at hand."""
    with tempfile.TemporaryDirectory() as folder, without_garbage_collection():
        program = image().assemble()
        units = assemble_program(program, Encoder(), ".")
        routines = [placed for unit in units for placed in unit.routines]
        tables = Build.of(program, units).tables
        contents = {one.routine.symbol: Content.of(one, tables) for one in routines}
        total = sum(len(placed.code.lines) for placed in routines)
        cache = Path(folder) / "clean"
        cold, warm = [], []
        for turn in range(ROUNDS):
            cache.unlink(missing_ok=True)
            effects.effects.cache_clear()
            cold.append(timed(report, program, units, cache)[1])
            _change(units, turn)
            warm.append(timed(report, program, units, cache, contents)[1])
    yield _figure("from nothing", cold, total, FROM_NOTHING)
    yield _figure("after one function changed", warm, total, ONE_FUNCTION)


def _figure(name: str, times: list[float], total: int, target: float) -> Figure:
    each = [one * INSTRUCTIONS / total for one in times]
    name = f"{INSTRUCTIONS:,} of {total:,} instructions {name}"
    return Figure(name, spread(each, "s"), f"under {target:g} s", median(each) < target)


def _copy(placed: PlacedRoutine, names: Mapping[str, str]) -> PlacedRoutine:
    """A function under another name, which calls others by theirs."""
    routine, code = placed.routine, placed.code
    items = [_renamed(item, names) if isinstance(item, Line) else item for item in code.body]
    relocations = [
        one._replace(target=names.get(one.target, one.target)) for one in code.relocations
    ]
    targets = {names.get(one, one) if isinstance(one, str) else one for one in routine.targets}
    return replace(
        placed,
        routine=replace(routine.with_items(items), symbol=names[routine.symbol], targets=targets),
        code=replace(code, body=items, relocations=relocations),
    )


def _renamed(line: Line, names: Mapping[str, str]) -> Line:
    references = [
        one._replace(target=names.get(one.target, one.target))
        if isinstance(one.target, str)
        else one
        for one in line.references
    ]
    return line._replace(references=tuple(references))


def _change(units: list[AssembledUnit], turn: int) -> None:
    """Give the last function another name, so that it is a new one to the checker."""
    unit = [one for one in units if one.routines][-1]
    last = unit.routines.pop()
    symbol = last.routine.symbol
    unit.routines.append(_copy(last, {symbol: f"{symbol}.changed{turn}"}))
