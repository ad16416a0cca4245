"""Whether a lock or a state may be held on some path that can be gone."""

from __future__ import annotations

from pykasm.check.build import Build
from pykasm.check.functionsummary import FunctionSummary
from pykasm.check.lockstate import entry_state
from pykasm.check.pathsearch import Question, can_happen
from pykasm.lang.locking import LockAction, class_of

_BEGINNINGS = (LockAction.TAKE, LockAction.BEGIN)


def may_hold(
    build: Build,
    summary: FunctionSummary,
    lock: str,
    at: int,
    behind: bool = False,
    held: bool = True,
) -> bool:
    """Return whether the function may hold `lock` at the instruction `at`, or `behind` it; if not
    `held`, whether it may hold none. What it takes by trying, and in no way itself, is believed."""
    begins, ends = _changes(build, summary, lock)
    events = [one for found in summary.local.events.values() for one in found]
    tries = any(one.action is LockAction.TRY and class_of(one.lock) == lock for one in events)
    if tries or not begins or not ends:
        return True
    entry = {class_of(one) for one in entry_state(summary.routine).may}
    is_at_entry = (class_of(lock) in entry) == held
    question = Question(at, *((begins, ends) if held else (ends, begins)), is_at_entry, behind)
    return can_happen(build.function(summary.symbol), question)


def _changes(build: Build, summary: FunctionSummary, lock: str) -> tuple[set[int], set[int]]:
    """Return where the function comes to hold a lock, and where it holds it no more."""
    begins: set[int] = set()
    ends: set[int] = set()
    for index, events in summary.local.events.items():
        for one in events:
            if lock in (one.lock, class_of(one.lock)):
                (begins if one.action in _BEGINNINGS else ends).add(index)
    flow = build.analysis.lock_flows.flows.get(summary.symbol)
    for index, effects in flow.call_effects.items() if flow is not None else ():
        begins |= {index for one in effects if lock in one.acquires}
        ends |= {index for one in effects if lock in one.releases}
    return begins, ends
