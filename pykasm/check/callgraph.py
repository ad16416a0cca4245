"""The call graph: which function calls which, and shortest call paths to functions of interest."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import TypeAlias

from pykasm.check.functionsummary import CallSite, FunctionSummary
from pykasm.errors import Note

CallPaths: TypeAlias = dict[str, CallSite | None]
"""Shortest call paths to some functions: each function from which one leads there, with the first
call of its path; None for the functions themselves."""


class CallGraph:
    """The calls of a build, and `others` that it may make; `callers` has the calls of each
    function."""

    def __init__(
        self, summaries: Mapping[str, FunctionSummary], others: Iterable[CallSite] = ()
    ) -> None:
        self._summaries = summaries
        self.callers: dict[str, list[CallSite]] = defaultdict(list)
        for summary in summaries.values():
            for call in summary.calls:
                self.callers[call.callee].append(call)
        for call in others:
            self.callers[call.callee].append(call)

    @cached_property
    def post_order(self) -> list[str]:
        """All functions in post-order: callees before callers, except in cycles of calls."""
        order: dict[str, None] = {}
        entered: set[str] = set()
        stack = [*self._summaries]
        while stack:
            symbol = stack.pop()
            if symbol in entered:  # for the second time: all its callees are in the order
                order[symbol] = None
                continue
            entered.add(symbol)
            stack.append(symbol)
            callees = (call.callee for call in self._summaries[symbol].calls)
            stack += [one for one in callees if one not in entered]
        return [*order]

    def paths_to(
        self,
        symbols: Iterable[str],
        *,
        except_for: Mapping[str, object] | None = None,
        by: Callable[[CallSite], bool] = lambda call: True,
    ) -> CallPaths:
        """Return the shortest call paths to `symbols`: a breadth-first search against the calls.

        Paths come through none of `except_for`, and only by calls for which `by` holds.
        """
        left_out = except_for or {}
        found: CallPaths = {one: None for one in symbols if one not in left_out}
        worklist = list(found)
        for symbol in worklist:  # grows while callers are met
            for call in self.callers.get(symbol, ()):
                if call.caller not in found and call.caller not in left_out and by(call):
                    found[call.caller] = call
                    worklist.append(call.caller)
        return found


def calls_along(symbol: str, paths: CallPaths) -> list[CallSite]:
    """Return the calls from `symbol` to where its path ends."""
    calls = []
    while (call := paths[symbol]) is not None:
        calls.append(call)
        symbol = call.callee
    return calls


def call_path(symbol: str, paths: CallPaths) -> tuple[list[Note], str]:
    """Return the calls from `symbol` to where its path ends, for a message, and what is there."""
    calls = calls_along(symbol, paths)
    return [call.told for call in calls], calls[-1].callee if calls else symbol
