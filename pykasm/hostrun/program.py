"""From subsystems to the objects that a host run needs: those given, and those they refer to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NoReturn

from pykasm.encode.encoder import Encoder
from pykasm.errors import Collector, collecting
from pykasm.lang.assembly import Assembly
from pykasm.lang.assertions import asserting
from pykasm.lang.function import BoundFunction
from pykasm.lang.functions import function
from pykasm.lang.image import Program, instances, name_units, pack_unit
from pykasm.lang.instances import made_of
from pykasm.lang.numbers import U8
from pykasm.lang.objects import AssembledUnit, assemble_program
from pykasm.lang.stubs import assembling
from pykasm.lang.subsystem import Component, Subsystem
from pykasm.lang.symbols import report_doubles
from pykasm.lang.types import Ptr
from pykasm.lang.unit import Unit

_encoder = Encoder()

ASSEMBLED = "_assembled_for_host_runs"
"""The attribute of a subsystem that holds its object, so that both are forgotten together."""


class Assertions(Subsystem):
    """Whom failed `asserts` call; the host answers for it, so its body is never assembled."""

    label = "pykasm.hostrun.assertions"

    @function
    def failed(self, text: Ptr[U8]) -> NoReturn:  # type: ignore[empty-body] # see above
        """Take `text`, the place and the source of the check."""


assertions = Assertions()


def reachable(roots: Iterable[Subsystem]) -> list[Subsystem]:
    """`roots` and all subsystems in their attributes, each after those that it is given."""
    found: dict[int, Subsystem] = {}
    seen: set[int] = set()

    def visit(value: object) -> None:
        if isinstance(value, BoundFunction):
            visit(value._owner)
        elif isinstance(value, list | tuple):
            for one in value:
                visit(one)
        elif isinstance(value, dict):
            visit(list(value.values()))
        elif isinstance(value, Component) and id(value) not in seen:
            seen.add(id(value))
            visit(list(vars(value).values()))
            if isinstance(value, Subsystem):
                found[id(value)] = value

    visit(list(roots))
    return list(found.values())


def assemble(roots: Iterable[Subsystem], known: list[Subsystem]) -> list[AssembledUnit]:
    """The objects of `roots` and of those among `known` that they need, directly or not.

    A subsystem is assembled once a process. Raises `BuildFailed` with the mistakes found.
    """
    with collecting(Collector()) as collector:
        units = name_units(known, collector)
        collector.finish()
        named = {unit.name: (one, unit) for unit, one in zip(units, known, strict=True)}
        waiting = [one._unit_name() for one in roots]
        made: dict[str, AssembledUnit] = {}
        while waiting:
            with made_of(instances(units, known)):
                _assemble_round([named[name] for name in waiting], collector)
            made |= {name: vars(named[name][0])[ASSEMBLED] for name in waiting}
            wanted = {_unit_of(symbol, named) for name in waiting for symbol in _uses(made[name])}
            waiting = sorted(name for name in wanted if name and name not in made)
    return [made[name] for name in named if name in made]


def _assemble_round(pairs: list[tuple[Subsystem, Unit]], collector: Collector) -> None:
    new = [(one, unit) for one, unit in pairs if ASSEMBLED not in vars(one)]
    with asserting(assertions.failed):
        for one, unit in new:
            with assembling(unit):
                Assembly(unit, one).run()
    program = Program([unit for _, unit in new], ())
    for unit in program.units:
        program.packed[unit.name] = pack_unit(unit, collector)
    report_doubles(program.units)
    collector.finish()
    objects = assemble_program(program, _encoder, str(Path.cwd()))
    for (one, _), made in zip(new, objects, strict=True):
        vars(one)[ASSEMBLED] = made


def _uses(unit: AssembledUnit) -> Iterator[str]:
    """The symbols that `unit` refers to."""
    for section in unit.object.sections:
        for relocation in section.relocations:
            yield relocation.symbol


def _unit_of(symbol: str, named: dict[str, tuple[Subsystem, Unit]]) -> str | None:
    """The name of the unit that `symbol` begins with."""
    while "." in symbol:
        symbol = symbol.rpartition(".")[0]
        if symbol in named:
            return symbol
    return None
