"""What one piece of code does with locks and interrupts, and what it calls."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from pykasm.isa.code import Line
from pykasm.lang.locking import LockEvent
from pykasm.lang.piece import Piece

SAME, OFF, ON = 1, 2, 4
"""Interrupts as a set of what paths may leave: as they were at entry, off, on."""

_INTERRUPT_WORDS = {"cli", "sti", "popfq"}


class Situation(NamedTuple):
    """What holds before an instruction.

    `may` and `must` are the locks that the piece itself holds on some path and on all. `interrupts`
    is a set of `SAME`, `OFF` and `ON`, and `saved` what pushes of the flags saved of it.
    """

    may: int = 0
    must: int = 0
    interrupts: int = SAME
    saved: tuple[int, ...] = ()

    def joined(self, other: Situation) -> Situation:
        """What holds where two paths meet."""
        return Situation(
            self.may | other.may,
            self.must & other.must,
            self.interrupts | other.interrupts,
            self.saved if self.saved == other.saved else (),
        )


ENTRY = Situation()


class Call(NamedTuple):
    """A call or a jump from one piece to another; `at` counts the instructions before it."""

    caller: str
    callee: str
    at: int
    line: Line


class Facts:
    """What one piece does with locks and interrupts.

    `situations` is empty where nothing in the piece changes them.
    """

    def __init__(self, piece: Piece, targets: Callable[[Line], Iterable[str]]) -> None:
        self.piece = piece
        self.symbol = piece.symbol
        self.calls: list[Call] = []
        self.addresses: set[str] = set()
        self.situations: dict[int, Situation] = {}
        self.changes_interrupts = False
        self.swaps_gs = False
        numbers = [0]
        for item in piece.items:
            if isinstance(item, Line):
                self._look_at(item, numbers[-1], targets)
            numbers.append(numbers[-1] + isinstance(item, Line))
        self.events: dict[int, list[LockEvent]] = defaultdict(list)
        for event in piece.lock_events:
            self.events[numbers[event.index]].append(event)

    def _look_at(self, line: Line, index: int, targets: Callable[[Line], Iterable[str]]) -> None:
        self.changes_interrupts |= line.statement.mnemonic in _INTERRUPT_WORDS
        self.swaps_gs |= line.statement.mnemonic == "swapgs"
        if line.statement.mnemonic in ("lea", "mov"):
            self.addresses.update(one.target for one in line.references if type(one.target) is str)
        for callee in targets(line):
            self.calls.append(Call(self.symbol, callee, index, line))

    def reached_events(self) -> Iterator[tuple[int, LockEvent]]:
        """What happens to locks on the paths through the piece, and at which instructions."""
        for index, events in self.events.items():
            if index in self.situations:
                yield from ((index, event) for event in events)

    def before(self, index: int) -> Situation:
        """What holds before the `index`th instruction."""
        return self.situations.get(index, ENTRY)
