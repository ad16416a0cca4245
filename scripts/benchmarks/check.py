"""Checking: from nothing, and after one function changed, for a kernel of 50,000 instructions."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import count
from pathlib import Path
from statistics import median

from kernel.image import image
from pykasm.check import effects
from pykasm.check.checker import report
from pykasm.collection import without_garbage_collection
from pykasm.encode.encoder import Encoder
from pykasm.isa.code import Line
from pykasm.lang.image import Program
from pykasm.lang.objects import AssembledUnit, PlacedRoutine, assemble_program
from scripts.benchmarks.figure import Figure, spread, timed

INSTRUCTIONS = 50_000
FROM_NOTHING, ONE_FUNCTION = 1.0, 0.1
"""Targets in seconds."""

ROUNDS = 5


def figures() -> Iterator[Figure]:
    """Both checks, of as many copies of the kernel as make up the instructions."""
    with tempfile.TemporaryDirectory() as folder, without_garbage_collection():
        program, units = _large()
        cache = Path(folder) / "clean"
        cold, warm = [], []
        for turn in range(ROUNDS):
            cache.unlink(missing_ok=True)
            effects.effects.cache_clear()
            cold.append(timed(report, program, units, cache)[1])
            _change(units, turn)
            warm.append(timed(report, program, units, cache)[1])
    yield _figure("50,000 instructions from nothing", cold, FROM_NOTHING)
    yield _figure("the same after one function changed", warm, ONE_FUNCTION)


def _figure(name: str, times: list[float], target: float) -> Figure:
    return Figure(name, spread(times, "s"), f"under {target:g} s", median(times) < target)


def _large() -> tuple[Program, list[AssembledUnit]]:
    """The kernel, with copies of its functions under other names, which call each other."""
    program = image().assemble()
    units = assemble_program(program, Encoder(), ".")
    kernel = [placed for unit in units for placed in unit.routines]
    copies = AssembledUnit("copies", units[0].object)
    total = sum(len(placed.code.lines) for placed in kernel)
    for turn in count():
        chosen, names = [], {}
        for placed in kernel:
            if total < INSTRUCTIONS:
                chosen.append(placed)
                names[placed.routine.symbol] = f"{placed.routine.symbol}.{turn}"
                total += len(placed.code.lines)
        copies.routines += [_copy(placed, names) for placed in chosen]
        if len(chosen) < len(kernel):
            return program, [*units, copies]
    raise AssertionError


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
