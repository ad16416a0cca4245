"""The encoder beside GNU as, and the way from Python calls to object files."""

from __future__ import annotations

import gc
import re
import subprocess
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from statistics import median

from kernel.image import image
from pykasm.collection import without_garbage_collection
from pykasm.encode.encoder import Encoder
from pykasm.isa.code import Line
from pykasm.isa.intel import statement_text
from pykasm.isa.statement import BranchTarget, Statement
from pykasm.lang.image import Program
from pykasm.lang.objects import AssembledUnit, assemble_program
from pykasm.objects.elf import write_object
from scripts.benchmarks.figure import Figure, spread, timed
from scripts.benchmarks.replay import replayed

INSTRUCTIONS = 50_000
ROUNDS = 7
PIPELINE_TARGET = 100_000
"""Instructions a second."""


def figures() -> Iterator[Figure]:
    """Encoding alone, then everything."""
    statements = _statements()
    texts = [_gnu_text(statement) for statement in statements]
    yield Figure("instructions, and distinct ones", f"{len(texts):,}, {len(set(texts)):,}")
    gc.collect()
    gc.freeze()
    ours, theirs = [], []
    for _ in range(ROUNDS):  # in turn, so that both meet the same moods of the machine
        ours.append(timed(Encoder().encode, statements)[1])
        theirs.append(_gnu_as(texts))
    yield Figure("encoding, cold", spread([len(texts) / s for s in ours], "a second", 0))
    yield Figure("GNU as on the same text", spread([len(texts) / s for s in theirs], "a second", 0))
    ratios = [mine / other for mine, other in zip(ours, theirs, strict=True)]
    yield Figure("time against GNU as", spread(ratios, "times"), "1 or less", median(ratios) <= 1)
    yield from _pipeline()


def _pipeline() -> Iterator[Figure]:
    parts: dict[str, list[float]] = {"emission": [], "encoding and layout": [], "objects": []}
    rates = []
    for _ in range(ROUNDS):
        image = replayed(INSTRUCTIONS)
        with without_garbage_collection():  # as in a build
            program, emission = timed(image.assemble)
            units, encoding = timed(assemble_program, program, Encoder(), ".")
            _, writing = timed(_write, units)
        total = sum(len(placed.code.lines) for unit in units for placed in unit.routines)
        rates.append(total / (emission + encoding + writing))
        for values, taken in zip(parts.values(), (emission, encoding, writing), strict=True):
            values.append(taken / total * 1e6)
    target = f"{PIPELINE_TARGET:,} a second"
    met = median(rates) >= PIPELINE_TARGET
    yield Figure("whole pipeline", spread(rates, "a second", 0), target, met)
    for name, values in parts.items():
        yield Figure(f"  {name}", spread(values, "µs an instruction"))
    yield _own_emission()


def _own_emission() -> Figure:
    """The kernel as its authors wrote it, with operands, conditions and calls being made."""
    rates = []
    for _ in range(ROUNDS):
        kernel = image()
        with without_garbage_collection():
            program, taken = timed(kernel.assemble)
        rates.append(taken / _lines_in(program) * 1e6)
    return Figure("  emission of the kernel itself", spread(rates, "µs an instruction"))


def _lines_in(program: Program) -> int:
    items = (item for unit in program.units for routine in unit.routines for item in routine.items)
    return sum(isinstance(item, Line) for item in items)


def _write(units: list[AssembledUnit]) -> list[bytes]:
    return [write_object(unit.object) for unit in units]


def _statements() -> list[Statement]:
    program = replayed(INSTRUCTIONS).assemble()
    items = (item for unit in program.units for routine in unit.routines for item in routine.items)
    lines = (item for item in items if isinstance(item, Line))
    return [item.statement for item in lines][:INSTRUCTIONS]


def _gnu_text(statement: Statement) -> str:
    if any(isinstance(one, BranchTarget) for one in statement.operands):
        return f"{statement.mnemonic} elsewhere"
    text = statement_text(statement)
    return re.sub(r"\bsymbol$", "offset elsewhere", text).replace("symbol", "elsewhere")


def _gnu_as(texts: list[str]) -> float:
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "in.s"
        source.write_text("\n".join([".intel_syntax noprefix", *texts, ""]))
        command = ["as", "-o", str(source.with_suffix(".o")), str(source)]
        return timed(partial(subprocess.run, command, check=True, capture_output=True))[1]
