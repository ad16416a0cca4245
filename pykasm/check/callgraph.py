"""Which routine calls which, and what leads where."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias

from pykasm.check.finding import span_of
from pykasm.check.functionsummary import CallSite, FunctionSummary
from pykasm.errors import Note

CallPaths: TypeAlias = dict[str, CallSite | None]
"""Routines by the first call of a shortest way to what was asked for, None where that is."""


class CallGraph:
    """The calls of a build; `callers` are those of each routine."""

    def __init__(self, summaries: Iterable[FunctionSummary]) -> None:
        self.callers: dict[str, list[CallSite]] = defaultdict(list)
        for one in summaries:
            for call in one.calls:
                self.callers[call.callee].append(call)

    def paths_to(
        self,
        symbols: Iterable[str],
        *,
        except_for: Mapping[str, object] | None = None,
        by: Callable[[CallSite], bool] = lambda call: True,
    ) -> CallPaths:
        """`symbols` and all that calls them.

        `except_for` is code that is left out, `by` tells which calls count.
        """
        left_out = except_for or {}
        found: CallPaths = {one: None for one in symbols if one not in left_out}
        waiting = list(found)
        for symbol in waiting:  # grows while callers are met
            for call in self.callers.get(symbol, ()):
                if call.caller not in found and call.caller not in left_out and by(call):
                    found[call.caller] = call
                    waiting.append(call.caller)
        return found


def post_order(summaries: Mapping[str, FunctionSummary]) -> list[str]:
    """All routines, each behind those that it calls, but where they call each other in circles."""
    found: dict[str, None] = {}
    met: set[str] = set()
    waiting = [*summaries]
    while waiting:
        symbol = waiting.pop()
        if symbol in met:  # all that it calls has been found
            found[symbol] = None
            continue
        met.add(symbol)
        waiting.append(symbol)
        waiting += [call.callee for call in summaries[symbol].calls if call.callee not in met]
    return [*found]


def call_path(symbol: str, paths: CallPaths) -> tuple[list[Note], str]:
    """The calls from `symbol` to where `paths` ends, and what that is."""
    notes = []
    call = paths[symbol]
    while call is not None:
        notes.append(Note(span_of(call.line), f"`{call.caller}` calls `{call.callee}`"))
        symbol = call.callee
        call = paths[symbol]
    return notes, symbol
