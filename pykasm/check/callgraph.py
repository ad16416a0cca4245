"""Which piece of code calls which, and what leads where."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias

from pykasm.check.facts import Call, Facts
from pykasm.check.finding import span_of
from pykasm.errors import Note

Leading: TypeAlias = dict[str, Call | None]
"""Pieces by the first call of a shortest way to what was asked for, None where that is."""


class CallGraph:
    """The calls of a build; `callers` are those of each piece."""

    def __init__(self, facts: Iterable[Facts]) -> None:
        self.callers: dict[str, list[Call]] = defaultdict(list)
        for one in facts:
            for call in one.calls:
                self.callers[call.callee].append(call)

    def leading_to(
        self,
        symbols: Iterable[str],
        *,
        except_for: Mapping[str, object] | None = None,
        by: Callable[[Call], bool] = lambda call: True,
    ) -> Leading:
        """`symbols` and all that calls them.

        `except_for` is code that is left out, `by` tells which calls count.
        """
        left_out = except_for or {}
        found: Leading = {one: None for one in symbols if one not in left_out}
        waiting = list(found)
        for symbol in waiting:  # grows while callers are met
            for call in self.callers.get(symbol, ()):
                if call.caller not in found and call.caller not in left_out and by(call):
                    found[call.caller] = call
                    waiting.append(call.caller)
        return found


def callees_first(facts: Mapping[str, Facts]) -> list[str]:
    """All pieces, each behind those that it calls, but where they call each other in circles."""
    found: dict[str, None] = {}
    met: set[str] = set()
    waiting = [*facts]
    while waiting:
        symbol = waiting.pop()
        if symbol in met:  # all that it calls has been found
            found[symbol] = None
            continue
        met.add(symbol)
        waiting.append(symbol)
        waiting += [call.callee for call in facts[symbol].calls if call.callee not in met]
    return [*found]


def way(symbol: str, leading: Leading) -> tuple[list[Note], str]:
    """The calls from `symbol` to where `leading` ends, and what that is."""
    notes = []
    call = leading[symbol]
    while call is not None:
        notes.append(Note(span_of(call.line), f"`{call.caller}` calls `{call.callee}`"))
        symbol = call.callee
        call = leading[symbol]
    return notes, symbol
