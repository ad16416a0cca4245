"""Whether a register really lacks a value on some path that can be gone."""

from __future__ import annotations

from pykasm.check.build import FunctionAnalysis
from pykasm.check.effects import ALL_LANES
from pykasm.check.operandroles import written_roles
from pykasm.check.pathsearch import Question, can_happen
from pykasm.check.state import NEVER_WRITTEN, Value
from pykasm.lang.role import Role


def may_lack(
    function: FunctionAnalysis, at: int, number: int, value: Value, role: Role | None
) -> bool:
    """Return whether the register may lack its value before the instruction `at`, or that of
    `role`, where `value` is what is known of it on any path."""
    nodes, is_entry = function.graph.nodes, value.clobber is NEVER_WRITTEN
    is_called = value.clobber is not None and value.clobber.call
    if not (is_entry or is_called) or (is_entry and value.undefined not in (0, ALL_LANES)):
        return True
    changed = {
        index for index, node in enumerate(nodes) if node.is_call and number in _of(function, index)
    }
    written = {
        index
        for index, node in enumerate(nodes)
        if node.effects.kills >> number & 1
        and not node.is_call
        and (role is None or written_roles(node).get(number) in (role, None if is_entry else role))
    }
    if is_entry:
        return can_happen(function, Question(at, (), written | changed, at_entry=True))
    return can_happen(function, Question(at, changed, written))


def _of(function: FunctionAnalysis, index: int) -> tuple[int, ...]:
    return function.changed_by(function.graph.nodes[index])
