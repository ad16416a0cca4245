"""Which data must not be touched without which lock, and where it is touched."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set

from pykasm.check.dataflow import AddressFlow
from pykasm.check.graph import Graph, Node
from pykasm.errors import Mistake
from pykasm.isa.code import Line
from pykasm.isa.statement import Address
from pykasm.lang.builder import Touch
from pykasm.lang.convention import CALLER_SAVED
from pykasm.lang.data import Data
from pykasm.lang.locking import lock_name
from pykasm.lang.routine import Routine

CLOBBERED = tuple(register.number for register in CALLER_SAVED)


class Guards:
    """The guarded ones among the `data` of a build. `wrong` are the paths that lead to no lock, by
    the datum."""

    def __init__(self, data: Mapping[str, Data]) -> None:
        self._data = data
        self.wrong: dict[str, str] = {}
        self._locks: dict[str, str] = {}
        for symbol, datum in data.items():
            if datum._guard is not None:
                self._enter(symbol, datum._guard)

    def _enter(self, symbol: str, guard: object) -> None:
        if not isinstance(guard, str):
            self._locks[symbol] = lock_name(guard, "guarded_by")
            return
        lock = self._beside(symbol, guard)
        if lock is not None:
            self._locks[symbol] = lock
        elif "." in guard:
            self._locks[symbol] = guard  # the name of a lock elsewhere
        else:
            self.wrong[symbol] = guard

    def _beside(self, symbol: str, path: str) -> str | None:
        """The name of the lock at `path` beside a datum; None if there is nothing."""
        place, *rest = path.split(".")
        found: Data | None = self._data.get(f"{symbol.rpartition('.')[0]}.{place}")
        try:
            for name in rest if found is not None else ():
                found = getattr(found, name)
        except Mistake:
            return None
        return None if found is None else lock_name(found, "guarded_by")

    def lock_of(self, touch: Touch) -> str | None:
        """The lock that must be held for what an instruction touches; None if there is none."""
        return touch.guard or self._locks.get(touch.field)


def touches(graph: Graph, guarded: Set[str]) -> Iterator[Touch]:
    """The instructions of a routine that read or write guarded fields or some of the `guarded`
    data, by their numbers, also through addresses that it makes. Those of data say nothing of
    the lock, which depends on other data."""
    routine = graph.routine
    if guarded.isdisjoint(routine.targets) and not routine.touches:
        return
    made: dict[int, Touch] = {}
    for touch in _written(routine, guarded):
        if touch.address:
            made[touch.at] = touch
        else:
            yield touch
    if made:
        yield from _through_addresses(graph, made)


def _through_addresses(graph: Graph, made: dict[int, Touch]) -> Iterator[Touch]:
    """Where a routine uses the guarded memory whose addresses it makes."""

    def name(at: int, _: Node) -> str | None:
        return made[at].field if at in made else None

    by_name = {touch.field: touch for touch in made.values()}
    addresses = AddressFlow(graph.nodes, frozenset(), name, lambda call: CLOBBERED)
    for at, field in addresses.uses():
        yield by_name[field]._replace(at=at, address=False)


def _written(routine: Routine, guarded: Set[str]) -> Iterator[Touch]:
    """What the operands of a routine name, by the numbers of the instructions."""
    fields = iter([*routine.touches, None])
    field, number = next(fields), 0
    for at, item in enumerate(routine.items):
        while field is not None and field.at == at:
            yield field._replace(at=number)
            field = next(fields)
        if isinstance(item, Line):
            address = item.statement.mnemonic == "lea"
            for symbol in sorted(_named(item) & guarded):
                yield Touch(symbol, "", number, address)
            number += 1


def _named(line: Line) -> set[str]:
    """The data in which the instruction's memory operands lie."""
    return {
        one.target
        for one in line.references
        if isinstance(one.target, str) and isinstance(line.statement.operands[one.operand], Address)
    }
