"""What a build came to: time a stage, size a subsystem, the largest functions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from pykasm.build.stages import Stages
from pykasm.build.tables import Table
from pykasm.objects.model import ObjectFile, SectionFlags, SymbolKind

SHOWN_SUBSYSTEMS = 20
SHOWN_FUNCTIONS = 10


class SubsystemSize(NamedTuple):
    """Bytes in memory of a subsystem, by what may be done with them."""

    name: str
    code: int
    constants: int
    variables: int

    @property
    def total(self) -> int:
        """All its bytes."""
        return self.code + self.constants + self.variables


class FunctionSize(NamedTuple):
    """Bytes of a function."""

    name: str
    size: int


class UnitSizes(NamedTuple):
    """The sizes of a subsystem and of its functions."""

    subsystem: SubsystemSize
    functions: tuple[FunctionSize, ...]

    @classmethod
    def of(cls, one: ObjectFile) -> UnitSizes:
        """Those of the subsystem with the object `one`."""
        functions = (symbol for symbol in one.symbols if symbol.kind is SymbolKind.FUNC)
        sizes = tuple(FunctionSize(symbol.name, symbol.size) for symbol in functions)
        return cls(_subsystem_size(one), sizes)


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


def subsystem_sizes(units: Sequence[UnitSizes]) -> list[SubsystemSize]:
    """The size of each subsystem, the largest first."""
    return sorted((one.subsystem for one in units), key=lambda size: (-size.total, size.name))


def total_size(name: str, sizes: Sequence[SubsystemSize]) -> SubsystemSize:
    """What `sizes` come to, under one name."""
    return SubsystemSize(
        name,
        sum(one.code for one in sizes),
        sum(one.constants for one in sizes),
        sum(one.variables for one in sizes),
    )


def largest_functions(
    units: Sequence[UnitSizes], count: int = SHOWN_FUNCTIONS
) -> list[FunctionSize]:
    """The `count` largest functions, the largest first."""
    functions = [function for one in units for function in one.functions]
    return sorted(functions, key=lambda function: (-function.size, function.name))[:count]


def summary(stages: Stages, units: Sequence[UnitSizes]) -> list[Table]:
    """Three tables for the end of a build."""
    return [_times(stages), _subsystems(units), _functions(units)]


def _times(stages: Stages) -> Table:
    rows = [(one.name, f"{one.seconds * 1000:.0f}", one.note) for one in stages.finished]
    rows.append(("all", f"{stages.seconds * 1000:.0f}", ""))
    return Table(("stage", "ms", ""), rows, right=frozenset({1}))


def _subsystems(units: Sequence[UnitSizes]) -> Table:
    """The largest subsystems, and what the others come to: a kernel has more than a screen has
    lines."""
    sizes = subsystem_sizes(units)
    shown, others = sizes[:SHOWN_SUBSYSTEMS], sizes[SHOWN_SUBSYSTEMS:]
    if others:
        shown.append(total_size(f"{len(others)} others", others))
    rows = [
        (one.name, f"{one.code:,}", f"{one.constants:,}", f"{one.variables:,}")
        for one in [*shown, total_size("all", sizes)]
    ]
    heads = ("subsystem", "code", "constants", "variables")
    return Table(heads, rows, right=frozenset({1, 2, 3}))


def _functions(units: Sequence[UnitSizes]) -> Table:
    rows = [(one.name, f"{one.size:,}") for one in largest_functions(units)]
    return Table(("largest functions", "bytes"), rows, right=frozenset({1}))
