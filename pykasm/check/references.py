"""References to what is counted, on the paths through a function."""

from __future__ import annotations

from typing import NamedTuple

from iced_x86 import Mnemonic

from pykasm.check.build import FunctionAnalysis
from pykasm.check.graph import Node
from pykasm.check.ownership import (
    DROPPED,
    GONE,
    LAST,
    OWNED,
    OwnershipFlow,
    Unowned,
    UsedAfter,
    is_owned,
)
from pykasm.check.said import said_at
from pykasm.check.valuepath import Path, Value

MOST_REFERENCES = 8
"""Of what a function has more references to, nothing is said."""

_LAST: dict[int, tuple[bool, bool]] = {
    Mnemonic.JE: (True, False),
    Mnemonic.JNE: (False, True),
}
"""Whether the last reference was dropped where a branch is taken, and where it is not."""

_SIGN_BRANCHES = (Mnemonic.JS, Mnemonic.JNS)
"""What `asserts` makes of a test that there was a reference."""


class Unfreed(NamedTuple):
    """The last reference to what `value` leads to is dropped at the instruction `dropped`, and `at`
    another one, nobody has looked whether it was, or another function than `freed_by` frees it."""

    value: Value
    at: int
    dropped: int
    freed_by: str


class ReferenceFlow(OwnershipFlow):
    """Follows what a function owns, and the references that it takes and drops."""

    def __init__(self, function: FunctionAnalysis, is_exact: bool = False) -> None:
        super().__init__(function, is_exact)
        self.unfreed: dict[int, Unfreed] = {}
        self._gained = dict(said_at(function.routine, "gain"))
        self._drops = dict(said_at(function.routine, "drop"))
        self._dropped: dict[Value, int] = {}

    @property
    def has_findings(self) -> bool:
        """Whether a reference is dropped that is none, or nobody frees what it led to."""
        return bool(super().has_findings or self.unfreed)

    def use(self, index: int, node: Node, path: Path) -> None:
        """See what the flags tell no more."""
        if self._drops:
            self._settle(index, node, path)
        super().use(index, node, path)

    def heed(self, index: int, path: Path) -> None:
        """Gain and drop references."""
        super().heed(index, path)
        gained, dropped = self._gained.get(index), self._drops.get(index)
        if gained is not None:
            self._gain(index, path, gained.number)
        if dropped is not None:
            self._drop(index, path, dropped.number)

    def _gain(self, index: int, path: Path, number: int) -> None:
        value = self.named(index, path, number).whole
        state = path.states.get(value)
        count = state + 1 if state is not None and is_owned(state) else OWNED
        if count > MOST_REFERENCES:
            path.states.pop(value, None)
        elif state != GONE:
            path.states[value] = count

    def _drop(self, index: int, path: Path, number: int) -> None:
        value = path.values.get(number)
        if value is None:
            return
        whole = value.whole
        state = path.states.get(whole)
        if state == GONE:
            self.used.setdefault(index, UsedAfter(whole, index, self._given[whole], True))
        elif state is not None and state > OWNED:
            path.states[whole] = state - 1
        else:
            if state is None and whole in self._lent:
                self.unowned.setdefault(index, Unowned(whole, index))
            path.states[whole] = DROPPED
            self._dropped[whole] = index

    def _settle(self, index: int, node: Node, path: Path) -> None:
        """Find dropped references of which the flags tell no more whether they were the last."""
        effects = node.effects
        is_branch = node.effects.mnemonic in (*_LAST, *_SIGN_BRANCHES)
        is_lost = node.is_call or node.leaves or effects.flags_written or effects.flags_undefined
        for value in [one for one, state in path.states.items() if state == DROPPED]:
            if effects.flags_read and not is_branch:
                del path.states[value]  # somebody knows, where nobody can follow
            elif is_lost and (node.successors or node.leaves):
                dropped = self._dropped[value]
                found = Unfreed(value, dropped, dropped, self._drops[dropped].freed_by)
                self.unfreed.setdefault(dropped, found)
                del path.states[value]

    def set_apart(self, value: Value, earlier: Value) -> None:
        """Know of an earlier value what was known of it."""
        super().set_apart(value, earlier)
        if value in self._dropped:
            self._dropped[earlier] = self._dropped[value]

    def branched(self, path: Path, mnemonic: int, is_taken: bool) -> None:
        """Own what the last reference was dropped to, where a branch shows that it was."""
        for value in [one for one, state in path.states.items() if state == DROPPED]:
            if mnemonic in _LAST:
                self.decide(path, value, _LAST[mnemonic][not is_taken])
            elif is_taken == (mnemonic == Mnemonic.JS):
                del path.states[value]  # there was none

    def decide(self, path: Path, value: Value, is_last: bool) -> None:
        """Own what the last reference was dropped to; another one leads to nothing any more."""
        if is_last:
            path.states[value] = LAST
        elif value in self._lent:
            del path.states[value]
        else:
            path.states[value] = GONE
            self._given[value] = self._dropped[value]

    def give(self, index: int, path: Path, value: Value) -> None:
        """Find the wrong function to free what the last reference was dropped to."""
        if path.states.get(value) == LAST:
            dropped, callee = self._dropped[value], self.nodes[index].callee
            freed_by = self._drops[dropped].freed_by
            if freed_by and callee is not None and callee != freed_by:
                self.unfreed.setdefault(index, Unfreed(value, index, dropped, freed_by))
        super().give(index, path, value)
