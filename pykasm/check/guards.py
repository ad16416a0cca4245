"""Which data must not be accessed without which lock, and where it is accessed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pykasm.check.addressflow import AddressFlow, argument_registers
from pykasm.check.convention import CALLER_SAVED
from pykasm.check.dataflow import writes_memory
from pykasm.check.graph import Graph, Node
from pykasm.errors import Mistake
from pykasm.isa.code import Line
from pykasm.isa.statement import Address
from pykasm.lang.builder import GuardedAccess
from pykasm.lang.data import Data
from pykasm.lang.locking import lock_name
from pykasm.lang.objects import PlacedRoutine
from pykasm.lang.routine import Routine


class Guards:
    """The locks of the guarded ones among the `data` of a build.

    `unresolved` are the paths that lead to no lock, by the symbol of the datum that states them.
    """

    def __init__(self, data: Mapping[str, Data]) -> None:
        self._data = data
        self.unresolved: dict[str, str] = {}
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
            self.unresolved[symbol] = guard

    def _beside(self, symbol: str, path: str) -> str | None:
        """Return the name of the lock at `path` beside a datum; None if there is none."""
        place, *rest = path.split(".")
        found: Data | None = self._data.get(f"{symbol.rpartition('.')[0]}.{place}")
        try:
            for name in rest if found is not None else ():
                found = getattr(found, name)
        except Mistake:
            return None
        return None if found is None else lock_name(found, "guarded_by")

    def lock_of(self, access: GuardedAccess) -> str | None:
        """Return the lock that must be held for an access; None if there is none."""
        return access.guard or self._locks.get(access.field)


def guarded_accesses(
    graph: Graph, routines: Mapping[str, PlacedRoutine], guarded: Mapping[str, bool]
) -> Iterator[GuardedAccess]:
    """Yield the accesses of a function to guarded fields and to the `guarded` data, by the indexes
    of the instructions, also those through addresses that it makes or passes to one of `routines`.
    Of each datum, `guarded` tells whether it may be read without its lock.

    Accesses to data do not name the lock: that depends on other data (`Guards.lock_of`). Nor do
    those that only read what may be read without it.
    """
    routine = graph.routine
    if guarded.keys().isdisjoint(routine.targets) and not routine.guarded_accesses:
        return
    for access in _accesses(graph, routines, guarded):
        if not _only_reads(graph, access):
            yield access
        elif access.field not in guarded:
            yield access._replace(guard="")


def _only_reads(graph: Graph, access: GuardedAccess) -> bool:
    """Return whether an access reads what may be read without the lock."""
    if not access.unlocked_reads or access.address:
        return False
    return not writes_memory(graph.nodes[access.at])


def _accesses(
    graph: Graph, routines: Mapping[str, PlacedRoutine], guarded: Mapping[str, bool]
) -> Iterator[GuardedAccess]:
    made: dict[int, GuardedAccess] = {}
    for access in _named_accesses(graph.routine, guarded):
        if access.address:
            made[access.at] = access
        else:
            yield access
    if made:
        yield from _through_addresses(graph, routines, made)


def _through_addresses(
    graph: Graph, routines: Mapping[str, PlacedRoutine], made: dict[int, GuardedAccess]
) -> Iterator[GuardedAccess]:
    """Yield where a function accesses the guarded memory whose addresses it makes, or lets a callee
    do so: that knows nothing of the lock."""

    def name(at: int, _: Node) -> str | None:
        return made[at].field if at in made else None

    def parameters(call: Node) -> set[int]:
        callee = routines.get(call.callee or "")
        count = 0 if callee is None else len(callee.routine.signature.parameters)
        return argument_registers(count)

    by_name = {access.field: access for access in made.values()}
    addresses = AddressFlow(graph.nodes, frozenset(), name, lambda call: CALLER_SAVED)
    for index, field in addresses.uses():
        yield by_name[field]._replace(at=index, address=False)
    for index, field in addresses.arguments(parameters):
        yield by_name[field]._replace(at=index, address=True)


def _named_accesses(routine: Routine, guarded: Mapping[str, bool]) -> Iterator[GuardedAccess]:
    """Yield what the operands of a function name, with the indexes of the instructions."""
    fields = iter([*routine.guarded_accesses, None])
    field, index = next(fields), 0
    for at, item in enumerate(routine.items):
        while field is not None and field.at == at:
            yield field._replace(at=index)
            field = next(fields)
        if isinstance(item, Line):
            address = item.statement.mnemonic == "lea"
            for symbol in sorted(_data_of(item) & guarded.keys()):
                is_free = guarded[symbol]
                yield GuardedAccess(symbol, "", index, address, unlocked_reads=is_free)
            index += 1


def _data_of(line: Line) -> set[str]:
    """Return the data in which the instruction's memory operands lie."""
    return {
        one.target
        for one in line.references
        if isinstance(one.target, str) and isinstance(line.statement.operands[one.operand], Address)
    }
