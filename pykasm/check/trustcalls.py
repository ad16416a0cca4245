"""Which functions rely on what they are given, so that their callers have to bound it."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

from pykasm.check.build import Build
from pykasm.check.trust import TrustFlow, follows_trust
from pykasm.check.trustuse import NO_TRUST, OWN, Passed, TrustUse
from pykasm.check.valuepath import AT_ENTRY, Value
from pykasm.lang.convention import Kind
from pykasm.parallel import in_parallel

MOST_CALLS = 4
"""A number is followed over so many calls."""

MANY = 32
"""Fewer functions than that are no work for several processes."""


class Reliance(NamedTuple):
    """The function `symbol` takes a parameter for what `use` says, at the instruction `at`."""

    symbol: str
    use: str
    at: int


class Reliances:
    """Looks into functions that are given what somebody else chose."""

    def __init__(self, build: Build) -> None:
        self._build = build
        self._known: dict[tuple[str, int], Reliance | None] = {}

    def passed(self) -> dict[str, tuple[Passed, ...]]:
        """Return what each function passes that somebody else chose, and look into all callees."""
        build = self._build
        found = {
            symbol: passed
            for symbol in build.analysis.routines
            if (passed := trust_use(build, symbol, OWN).passed)
        }
        given = {(one.callee, one.number) for passed in found.values() for one in passed}
        for _ in range(MOST_CALLS):
            new = sorted(one for one in given if not is_known(build, *one))
            if len(new) >= MANY:
                for (symbol, number), use in zip(
                    new, in_parallel(partial(_used, build), new), strict=True
                ):
                    build.trust_uses.setdefault(symbol, {})[number] = use
            given = {
                (passed.callee, passed.number)
                for one in given
                for passed in trust_use(build, *one).passed
            }
        return found

    def of(self, symbol: str, number: int, calls: int = MOST_CALLS) -> Reliance | None:
        """Return how a function relies on the parameter in a register; None if it bounds that."""
        key = symbol, number
        if key not in self._known:
            self._known[key] = None  # a function that comes back to itself relies on nothing new
            self._known[key] = self._found(symbol, number, calls)
        return self._known[key]

    def _found(self, symbol: str, number: int, calls: int) -> Reliance | None:
        if not calls:
            return None
        use = trust_use(self._build, symbol, number)
        if use.relied is not None:
            return Reliance(symbol, *use.relied)
        found = (self.of(one.callee, one.number, calls - 1) for one in use.passed)
        return next((one for one in found if one is not None), None)


def _used(build: Build, given: tuple[str, int]) -> TrustUse:
    return trust_use(build, *given)


def is_known(build: Build, symbol: str, number: int) -> bool:
    """Return whether somebody has looked what a function does with a parameter."""
    known = build.known.get(symbol)
    is_cached = known is not None and number in known.trust
    return is_cached or number in build.trust_uses.get(symbol, ())


def trust_use(build: Build, symbol: str, number: int) -> TrustUse:
    """Return what a function does with what somebody else chose: with what it gets by itself if the
    number is `OWN`, or with the parameter in the register of this number."""
    known = build.known.get(symbol)
    if known is not None and number in known.trust:
        return known.trust[number]
    uses = build.trust_uses.setdefault(symbol, {})
    if number not in uses:
        uses[number] = _solved(build, symbol, number)
    return uses[number]


def _solved(build: Build, symbol: str, number: int) -> TrustUse:
    placed = build.routines.get(symbol)
    is_function = placed is not None and placed.routine.kind is Kind.FUNCTION
    if placed is None or not is_function or placed.routine.copies_user:
        return NO_TRUST
    if number == OWN and not follows_trust(placed.routine, build):
        return NO_TRUST
    function = build.function(symbol)
    if number == OWN:
        flow = TrustFlow.solved(function)
        return NO_TRUST if flow is None else flow.summary(None)
    chosen, given = frozenset((number,)), Value(AT_ENTRY, number)
    flow = TrustFlow(function, chosen=chosen)
    is_solved = flow.solve()
    if is_solved and (flow.misused or flow.passed):
        flow = TrustFlow(function, is_exact=True, chosen=chosen)
        is_solved = flow.solve()
    return flow.summary(given) if is_solved else NO_TRUST
