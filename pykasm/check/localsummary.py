"""What one function does by itself, so far as the analyses of the whole build need it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from iced_x86 import FlowControl, Mnemonic

from pykasm.check.graph import Graph, Node
from pykasm.check.guards import guarded_accesses
from pykasm.isa.code import Line
from pykasm.lang.builder import GuardedAccess
from pykasm.lang.locking import LockEvent
from pykasm.lang.objects import PlacedRoutine
from pykasm.lang.routine import Routine

_INTERRUPT_INSTRUCTIONS = {Mnemonic.CLI, Mnemonic.STI, Mnemonic.POPFQ}
_ADDRESS_TAKERS = {Mnemonic.LEA, Mnemonic.MOV, Mnemonic.PUSH}


class LocalSummary(NamedTuple):
    """What a function does, whatever the rest of the build is. Instructions go by their indexes.

    `calls` are the functions that it calls or jumps to, and where; `indirect_calls` where it does
    so by a pointer; `addresses` the symbols whose addresses it takes; `accesses` where it reads or
    writes what a lock guards, or passes the address of that to a callee; `events` what happens to
    locks; `exits` where it is left, except by faults; `interrupt_enables` and `interrupt_disables`
    where it sets and clears the interrupt flag.

    Nothing here belongs to one process: the cache keeps it for later checks.
    """

    calls: tuple[tuple[str, int], ...]
    indirect_calls: tuple[int, ...]
    addresses: frozenset[str]
    accesses: tuple[GuardedAccess, ...]
    events: dict[int, tuple[LockEvent, ...]]
    exits: tuple[int, ...]
    changes_interrupts: bool
    interrupt_enables: tuple[int, ...]
    interrupt_disables: tuple[int, ...]
    swaps_gs: bool

    @property
    def changes_lock_state(self) -> bool:
        """Whether locks or the interrupt flag change in the function itself."""
        return bool(self.events) or self.changes_interrupts

    @classmethod
    def of(
        cls, graph: Graph, routines: Mapping[str, PlacedRoutine], guarded: Mapping[str, bool]
    ) -> LocalSummary:
        """Summarise the function with the control flow `graph`, in a build with `routines` and the
        `guarded` data (all by symbol)."""
        nodes = graph.nodes
        mnemonics = {node.effects.mnemonic for node in nodes}
        return cls(
            tuple(
                (callee, index)
                for index, node in enumerate(nodes)
                if (callee := node.callee) is not None and callee in routines
            ),
            tuple(index for index, node in enumerate(nodes) if node.is_indirect),
            frozenset(
                one.target
                for node in nodes
                if node.line.references and node.effects.mnemonic in _ADDRESS_TAKERS
                for one in node.line.references
                if type(one.target) is str
            ),
            tuple(guarded_accesses(graph, routines, guarded)),
            dict(_lock_events(graph.routine)),
            tuple(
                index
                for index, node in enumerate(nodes)
                if node.leaves and node.effects.flow != FlowControl.EXCEPTION
            ),
            not mnemonics.isdisjoint(_INTERRUPT_INSTRUCTIONS),
            _indexes(nodes, Mnemonic.STI),
            _indexes(nodes, Mnemonic.CLI),
            Mnemonic.SWAPGS in mnemonics,
        )


def _indexes(nodes: Sequence[Node], mnemonic: int) -> tuple[int, ...]:
    return tuple(index for index, node in enumerate(nodes) if node.effects.mnemonic == mnemonic)


NO_SUMMARY = LocalSummary((), (), frozenset(), (), {}, (), False, (), (), False)


def _lock_events(routine: Routine) -> Iterator[tuple[int, tuple[LockEvent, ...]]]:
    """Yield what happens to locks, by the index of the instruction."""
    if not routine.lock_events:
        return
    index = 0
    for at, item in enumerate([*routine.items, None]):
        events = tuple(one for one in routine.lock_events if one.index == at)
        if events:
            yield index, events
        index += isinstance(item, Line)
