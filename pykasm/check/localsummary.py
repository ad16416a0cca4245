"""What one routine does by itself, so far as other code has to know."""

from __future__ import annotations

from collections.abc import Container, Iterator, Set
from typing import NamedTuple

from iced_x86 import FlowControl, Mnemonic

from pykasm.check.graph import Graph
from pykasm.check.guards import touches
from pykasm.isa.code import Line
from pykasm.lang.builder import Touch
from pykasm.lang.locking import LockEvent
from pykasm.lang.routine import Routine

_INTERRUPT_WORDS = {Mnemonic.CLI, Mnemonic.STI, Mnemonic.POPFQ}
_ADDRESS_WORDS = {Mnemonic.LEA, Mnemonic.MOV, Mnemonic.PUSH}


class LocalSummary(NamedTuple):
    """What a routine does, whatever the rest of the build is; instructions go by their numbers.

    `calls` are the routines that it calls or jumps to, and where; `indirect_calls` where it does so
    through a pointer; `addresses` the symbols whose addresses it takes; `touches` where it reads or
    writes what a lock guards, `events` what happens to locks; `exits` where it is left, but for
    faults; `turns_on` where it turns interrupts on.
    Nothing here belongs to one process: later checks remember it.
    """

    calls: tuple[tuple[str, int], ...]
    indirect_calls: tuple[int, ...]
    addresses: frozenset[str]
    touches: tuple[Touch, ...]
    events: dict[int, tuple[LockEvent, ...]]
    exits: tuple[int, ...]
    changes_interrupts: bool
    turns_on: tuple[int, ...]
    swaps_gs: bool

    @property
    def changes_something(self) -> bool:
        """Whether what holds is not the same on all paths."""
        return bool(self.events) or self.changes_interrupts

    @classmethod
    def of(cls, graph: Graph, routines: Container[str], guarded: Set[str]) -> LocalSummary:
        """The summary of the routine whose control flow is `graph`, in a build with `routines` and
        the `guarded` data."""
        nodes = graph.nodes
        mnemonics = {node.effects.mnemonic for node in nodes}
        return cls(
            tuple(
                (callee, at)
                for at, node in enumerate(nodes)
                if (callee := node.callee) is not None and callee in routines
            ),
            tuple(at for at, node in enumerate(nodes) if node.is_indirect),
            frozenset(
                one.target
                for node in nodes
                if node.line.references and node.effects.mnemonic in _ADDRESS_WORDS
                for one in node.line.references
                if type(one.target) is str
            ),
            tuple(touches(graph, guarded)),
            dict(_lock_events(graph.routine)),
            tuple(
                at
                for at, node in enumerate(nodes)
                if node.leaves and node.effects.flow != FlowControl.EXCEPTION
            ),
            not mnemonics.isdisjoint(_INTERRUPT_WORDS),
            tuple(at for at, node in enumerate(nodes) if node.effects.mnemonic == Mnemonic.STI),
            Mnemonic.SWAPGS in mnemonics,
        )


def _lock_events(routine: Routine) -> Iterator[tuple[int, tuple[LockEvent, ...]]]:
    """What happens to locks at which instruction."""
    if not routine.lock_events:
        return
    at = 0
    for index, item in enumerate([*routine.items, None]):
        events = tuple(one for one in routine.lock_events if one.index == index)
        if events:
            yield at, events
        at += isinstance(item, Line)
