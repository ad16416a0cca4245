"""What one piece of code does with locks and interrupts, and what it calls."""

from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple

from pykasm.check.targets import Targets
from pykasm.isa.code import Line
from pykasm.lang.locking import LockAction, LockEvent
from pykasm.lang.piece import Piece

_INTERRUPT_WORDS = {"cli", "sti", "popfq"}


class Call(NamedTuple):
    """A call or a jump from one piece to another; `at` counts the instructions before it."""

    caller: str
    callee: str
    at: int
    line: Line


class Facts:
    """What one piece does, whatever the rest of the build is.

    `addresses` are the symbols whose addresses it takes, `events` what happens to locks, by the
    number of the instruction.
    """

    def __init__(self, piece: Piece, targets: Targets) -> None:
        self.piece = piece
        self.symbol = piece.symbol
        self.calls: list[Call] = []
        self.addresses: set[str] = set()
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

    def _look_at(self, line: Line, index: int, targets: Targets) -> None:
        self.changes_interrupts |= line.statement.mnemonic in _INTERRUPT_WORDS
        self.swaps_gs |= line.statement.mnemonic == "swapgs"
        if line.statement.mnemonic in ("lea", "mov"):
            self.addresses.update(one.target for one in line.references if type(one.target) is str)
        for callee in targets.of(line):
            self.calls.append(Call(self.symbol, callee, index, line))

    def does(self, action: LockAction, lock: str) -> bool:
        """Whether `action` happens to `lock` somewhere in the piece."""
        return any(one.action is action and one.lock == lock for one in self.piece.lock_events)
