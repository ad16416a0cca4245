"""What a build came to: time a stage, size a subsystem, the largest functions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.columns import Columns
from rich.console import RenderableType
from rich.table import Table

from pykasm.build.stages import Stages
from pykasm.objects.model import ObjectFile, SectionFlags, SymbolKind

SHOWN_FUNCTIONS = 10


@dataclass(frozen=True, slots=True)
class SubsystemSize:
    """Bytes in memory of a subsystem, by what may be done with them."""

    name: str
    code: int
    constants: int
    variables: int

    @property
    def total(self) -> int:
        """All its bytes."""
        return self.code + self.constants + self.variables


@dataclass(frozen=True, slots=True)
class FunctionSize:
    """Bytes of a function."""

    name: str
    size: int


def subsystem_sizes(objects: Sequence[ObjectFile]) -> list[SubsystemSize]:
    """The size of each subsystem, the largest first."""
    sizes = [_subsystem_size(one) for one in objects]
    return sorted(sizes, key=lambda size: (-size.total, size.name))


def _subsystem_size(one: ObjectFile) -> SubsystemSize:
    code = constants = variables = 0
    for section in one.sections:
        if section.flags & SectionFlags.EXECUTE:
            code += section.size
        elif section.flags & SectionFlags.WRITE:
            variables += section.size
        elif section.flags & SectionFlags.ALLOC:
            constants += section.size
    return SubsystemSize(one.name, code, constants, variables)


def largest_functions(
    objects: Sequence[ObjectFile], count: int = SHOWN_FUNCTIONS
) -> list[FunctionSize]:
    """The `count` largest functions, the largest first."""
    functions = [
        FunctionSize(symbol.name, symbol.size)
        for one in objects
        for symbol in one.symbols
        if symbol.kind is SymbolKind.FUNC
    ]
    return sorted(functions, key=lambda function: (-function.size, function.name))[:count]


def summary(stages: Stages, objects: Sequence[ObjectFile]) -> RenderableType:
    """Three tables for the end of a build."""
    return Columns(
        [_times(stages), _subsystems(objects), _functions(objects)], padding=(1, 3), expand=False
    )


def _times(stages: Stages) -> Table:
    table = _table("stage", "ms", "")
    for stage in stages.finished:
        table.add_row(stage.name, f"{stage.seconds * 1000:.0f}", stage.note)
    table.add_section()
    table.add_row("all", f"{stages.seconds * 1000:.0f}", "")
    return table


def _subsystems(objects: Sequence[ObjectFile]) -> Table:
    table = _table("subsystem", "code", "constants", "variables")
    for size in subsystem_sizes(objects):
        table.add_row(
            size.name, *(f"{one:,}" for one in (size.code, size.constants, size.variables))
        )
    return table


def _functions(objects: Sequence[ObjectFile]) -> Table:
    table = _table("largest functions", "bytes")
    for function in largest_functions(objects):
        table.add_row(function.name, f"{function.size:,}")
    return table


def _table(first: str, *others: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column(first)
    for name in others:
        table.add_column(name, justify="right" if name else "left")
    return table
