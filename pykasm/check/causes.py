"""Findings by their causes: of many that follow from one fault, one stands for all."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterator, Sequence
from typing import NamedTuple

from pykasm.check.build import Build
from pykasm.check.finding import INTERRUPTS, Finding
from pykasm.check.remembered import places_of
from pykasm.errors import Note
from pykasm.lang.routine import Routine
from pykasm.source import Source, line_span


class Fault(NamedTuple):
    """A fault: the finding that stands for it, and the `others` that follow from it."""

    first: Finding
    others: list[Finding]

    @property
    def all(self) -> list[Finding]:
        """The findings."""
        return [self.first, *self.others]

    @property
    def shown(self) -> Finding:
        """The finding that stands for it, with the number of the others."""
        self.first.more = len(self.others)
        return self.first


_STACK = frozenset({"E014", "E020", "E021", "E022", "E023", "E028"})
"""Rules that are broken together where a stack pointer is not where it should be."""

_VALUES = frozenset({"E010", "E011", "E012"})
"""Rules that are broken together where a register has not the value that is meant."""

_LOSSES = frozenset({"E080", "E082"})
"""Rules that are broken where the register is clobbered that has what is lost."""

_UNREAD = "W001"
"""The rule that is broken where nothing reads what a register had before it was clobbered."""

_ONCE = frozenset({"E015"})
"""Rules that a function breaks for one reason, wherever that shows."""

_LATER = (*_LOSSES, _UNREAD, "E040")
"""Rules that are broken by what a fault leads to, if by others, too."""

_IN_PLACE = "E017"
"""The rule about contracts of code in place."""

_LOCKS = frozenset({"E050", "E051", "E054"})
"""Rules about one lock or state in a function: what is named last."""

_ORDER = "E052"
"""The rule about the order of locks, which also breaks where one is never released."""

_OF_LOCKS = "E053"
"""The rule about locks that interrupts take."""


_MOST = 8
"""So many functions that do the same wrong are not all at fault, even if others do it rightly."""


def faults(build: Build, findings: Sequence[Finding]) -> list[Fault]:
    """Return the faults that `findings` in a build come from, in the order of the code."""
    return [*_Causes(build, findings).faults()]


class _Causes:
    """Finds out which findings have the same cause."""

    def __init__(self, build: Build, findings: Sequence[Finding]) -> None:
        self._build = build
        self._in_place = Counter(
            place for *_, place in {(one.symbol, (one.rule, one.source)) for one in findings}
        )
        """How many functions show each fault, by its rule and place."""
        self._placed = [self._in_own_body(one) for one in findings]
        self._blamed = _Blame(build, findings)
        self._leavers = _leavers(build, findings)
        self._unlocked = {
            one.symbol: _own_cause(one) for one in findings if one.rule == "E051" and one.path
        }
        """Functions that call what needs a lock without it."""
        self._sites = {(one.path[0].caller, one.path[0].at): one for one in findings if one.path}
        self._clobbered: dict[tuple[str, Source], Hashable] = {}
        """What is read after its register was clobbered, by where that was: the first of many."""
        for one in findings:
            for note in one.notes if one.rule in _VALUES else ():
                self._clobbered.setdefault((one.symbol, note.span.source), _own_cause(one))
        self._unread = {
            (one.symbol, one.mark.partition(" ")[0]): _own_cause(one)
            for one in findings
            if one.rule in _VALUES
        }
        """The same by the register."""

    def faults(self) -> Iterator[Fault]:
        """Yield each fault with what follows from it."""
        found: dict[Hashable, list[Finding]] = {}
        for one in self._placed:
            found.setdefault(self._cause(one), []).append(one)
        for cause, those in found.items():
            root = self._blamed.root(cause, those)
            first = root or min(those, key=lambda one: _rank(one, those[0]))
            yield Fault(first, [one for one in those if one is not first])

    def _in_own_body(self, finding: Finding) -> Finding:
        """Return a finding in code in place as one where it was put there, unless others that have
        the code show it too, or none has: then that is at fault."""
        placed, source = self._build.routines.get(finding.symbol), finding.source
        if placed is None or source is None or self._in_place[finding.rule, source] > 1:
            return finding
        assert finding.span is not None
        own = Source(placed.routine.declared.file, _body_line(placed.routine, source))
        if not own.line or own == source or not _is_elsewhere(self._build, source, finding.symbol):
            return finding
        within = Note(finding.span, finding.mark or "this is the code in place")
        return finding.moved(line_span(own), "of the code in place here", within)

    def _cause(self, finding: Finding) -> Hashable:
        place = finding.rule, finding.source
        if self._in_place[place] > 1:
            return "in place", *place
        leaver = self._leavers.get((finding.symbol, finding.state))
        if finding.state and leaver is not None:
            return self._unlocked.get(leaver, ("left", leaver, finding.state))
        if finding.rule == _ORDER:
            named = _named(finding)
            left = next((one for one in self._leavers if one[1] in named), None)
            return _own_cause(finding) if left is None else ("left", self._leavers[left], left[1])
        if finding.rule in _VALUES:
            places = ((finding.symbol, note.span.source) for note in finding.notes)
            return next(
                (self._clobbered[one] for one in places if one in self._clobbered), None
            ) or (_own_cause(finding))
        if finding.rule in _LOSSES and finding.source is not None:
            read = self._clobbered.get((finding.symbol, finding.source))
            return _own_cause(finding) if read is None else read
        if finding.rule == _UNREAD:
            register = next(iter(_named(finding)), "")
            return self._unread.get((finding.symbol, register), _own_cause(finding))
        there = self._at_end(finding)
        return self._blamed.of(there) or _own_cause(there)

    def _at_end(self, finding: Finding) -> Finding:
        """Return the finding that stands where a later call on the path of one is made."""
        sites = (self._sites.get((one.caller, one.at)) for one in reversed(finding.path))
        return next((one for one in sites if one is not None), finding)


def _own_cause(finding: Finding) -> Hashable:
    """Return what a finding has in common with others of the same cause."""
    rule, symbol, named = finding.rule, finding.symbol, _named(finding)
    if rule in _STACK:
        return "stack", symbol
    if rule in _LOCKS and named:
        return rule, symbol, named[-1]
    if finding.path:
        return "held", symbol, finding.state
    if rule in _ONCE:
        return rule, symbol
    if rule == _IN_PLACE and named:
        return rule, named[0]
    if rule == _OF_LOCKS and named:
        return rule, symbol, named[0]
    if not named:
        return (rule, symbol, finding.notes[-1].span) if finding.notes else id(finding)
    return "value" if rule in _VALUES else rule, symbol, named[0]


def _named(finding: Finding) -> list[str]:
    """Return what is named in a finding."""
    return re.findall(r"`(.*?)`", finding.what)


def _rank(finding: Finding, first: Finding) -> tuple[bool, bool, bool, int]:
    """Return how far a finding is from where the fault is: first what a function is left with, then
    by the line, in the file where the first one is."""
    source, own = finding.source, first.source
    is_near = source is not None and own is not None and source.file == own.file
    line = source.line if source is not None and is_near else 0
    return not finding.leaves, finding.rule in _LATER, not is_near, line


def _leavers(build: Build, findings: Sequence[Finding]) -> dict[tuple[str, str], str]:
    """Return the functions that are left with a lock, or a state, that they should have ended, and
    those that call them, by the function and the state: the first one that is left so."""
    found: dict[tuple[str, str], str] = {}
    left = dict.fromkeys((one.symbol, one.state) for one in findings if one.leaves)
    # what is called without a lock leaves it held, with interrupts off
    unlocked = [one for one in findings if one.rule == "E051" and one.path]
    left |= dict.fromkeys((one.symbol, INTERRUPTS) for one in unlocked)
    for symbol, state in left:
        for caller in build.analysis.calls.paths_to([symbol]):
            found.setdefault((caller, state), symbol)
    # one that only calls others that are left so has it from them
    return {key: _end(found, symbol, key[1]) for key, symbol in found.items()}


def _end(found: dict[tuple[str, str], str], symbol: str, state: str) -> str:
    seen = {symbol}
    while (there := found[symbol, state]) not in seen:
        seen.add(there)
        symbol = there
    return symbol


def _body_line(routine: Routine, source: Source) -> int:
    """Return the first line in the body of a function that put code of a line there, 0 if none."""
    return min(
        (one.body_line for one in places_of(routine) if one and one.source == source), default=0
    )


def _is_elsewhere(build: Build, source: Source, symbol: str) -> bool:
    """Return whether other functions have code of a line."""
    return any(
        one is not None and one.source == source
        for other, placed in build.routines.items()
        if other != symbol
        for one in places_of(placed.routine)
    )


class _Blame:
    """Finds the functions that most of their callers call where that is wrong: then what is wrong
    is not there, but in the function.

    Each finding with a `path` says which calls lead from where it stands to what may not be done
    there, in the function that is its `end`.
    """

    def __init__(self, build: Build, findings: Sequence[Finding]) -> None:
        self._build = build
        self._groups: dict[str, list[Finding]] = defaultdict(list)
        for one in findings:
            if one.end:
                self._groups[one.end].append(one)
        self._by_end = {end: [*self._find(those)] for end, those in self._groups.items()}

    def of(self, finding: Finding) -> Hashable | None:
        """Return what is to blame for a finding, None if nothing else than it is."""
        through = {finding.end, *(call.caller for call in finding.path[1:])}
        blamed = next((one for one in self._by_end.get(finding.end, ()) if one in through), None)
        return ("blamed", blamed, finding.end) if blamed is not None else None

    def _find(self, findings: Sequence[Finding]) -> Iterator[str]:
        """Yield the functions that are to blame, those nearest to the end of the paths first."""
        wrong: dict[str, set[str]] = defaultdict(set)
        far: Counter[str] = Counter()
        for one in findings:
            for distance, call in enumerate(reversed(one.path)):
                wrong[call.callee].add(call.caller)
                far[call.callee] = max(far[call.callee], distance)
        for symbol in sorted(wrong, key=lambda one: far[one]):
            callers = {call.caller for call in self._build.analysis.calls.callers.get(symbol, ())}
            those = wrong[symbol] & callers
            if len(those) >= _MOST or (len(those) > 1 and 2 * len(those) >= len(callers)):
                yield symbol

    def root(self, cause: Hashable, findings: Sequence[Finding]) -> Finding | None:
        """Return the finding that stands for those with a `cause`, if that is a function."""
        if not isinstance(cause, tuple) or cause[0] != "blamed" or len(findings) == 1:
            return None
        symbol, first = cause[1], findings[0]
        calls = [call for call in first.path[1:] if call.caller == symbol]
        routine = self._build.routines[symbol].routine
        assert first.span is not None
        behind = first.path[first.path.index(calls[0]) + 1 :] if calls else ()
        return Finding(
            first.rule,
            f"`{symbol}` {first.does}, and most of what calls it may not do so",
            span=calls[0].place if calls else line_span(routine.declared),
            notes=[
                *(one.told for one in behind),
                Note(first.span, f"for one: {first.what}"),
            ],
            fix="do not do so here, or mend all of what calls it",
            symbol=symbol,
        )
