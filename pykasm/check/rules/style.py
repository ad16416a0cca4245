"""W0xx: code that does nothing, or more than it needs."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from inspect import findsource

from iced_x86 import Mnemonic, OpKind

from pykasm.check.effects import RBP, RSP
from pykasm.check.finding import Finding, span_in, span_of
from pykasm.check.graph import Node
from pykasm.check.liveness import Liveness
from pykasm.check.rule import applies, applies_to_build, rule
from pykasm.check.subject import Build, Subject, register_name
from pykasm.isa.code import Line
from pykasm.lang.piece import SCRATCH_ORDER
from pykasm.lang.role import Role
from pykasm.lang.unit import Unit
from pykasm.source import Source, Span

W001 = rule(
    "W001",
    "a value is written that nothing reads",
    """Either the instruction is left over, or the code that should use it is missing.""",
)
W002 = rule(
    "W002",
    "a named register is never used",
    """It takes a register, and readers look for its use.""",
)
W003 = rule(
    "W003",
    "a kept register that no call makes necessary",
    """`keep` costs a push and a pop. In a function without calls `scratch` does as well.""",
)

W004 = rule(
    "W004",
    "a subsystem that nothing can reach",
    """No entry point leads to any of its functions, and nothing uses its data: it only takes room,
    or whoever should call it does not.""",
)

_ONLY_WRITE = {
    Mnemonic.MOV,
    Mnemonic.MOVZX,
    Mnemonic.MOVSX,
    Mnemonic.MOVSXD,
    Mnemonic.LEA,
}
"""Instructions that do nothing but give a register a value."""


@applies
def writes_are_read(subject: Subject) -> Iterator[Finding]:
    """Registers that are written and then not looked at on any path."""
    if not subject.is_framed:
        return
    live = Liveness(subject)
    for index, node, _ in subject.visits():
        number = _only_written(node)
        if number is not None and not live.after[index] >> number & 1:
            yield Finding(
                "W001",
                f"`{register_name(number)}` is written, and nothing reads it",
                span=span_of(node.line),
                fix="take it out",
                symbol=subject.piece.symbol,
            )


def _only_written(node: Node) -> int | None:
    """The register that is all the instruction writes, if there is one."""
    if node.effects.instruction.mnemonic not in _ONLY_WRITE:
        return None
    loads = node.effects.instruction.op1_kind == OpKind.MEMORY  # which a device may notice
    if loads and node.effects.instruction.mnemonic != Mnemonic.LEA:
        return None
    numbers = [number for number, _ in node.effects.writes if number not in (RSP, RBP)]
    return numbers[0] if len(numbers) == 1 else None


@applies
def names_are_used(subject: Subject) -> Iterator[Finding]:
    """Roles that no instruction reads."""
    for role in _taken(subject):
        if not role.used and role.moment is not None:
            yield Finding(
                "W002",
                f"`{role.name}` is never used",
                span=span_in(role.moment.source, role.name),
                fix="take it out",
                symbol=subject.piece.symbol,
            )


@applies
def keeping_is_needed(subject: Subject) -> Iterator[Finding]:
    """`keep` in functions that call nothing, as far as other registers are free."""
    if any(node.is_call for node in subject.graph.nodes):
        return
    kept = [one for one in _taken(subject) if one.kind == "keep" and _is_in_body(one, subject)]
    for role in kept[: len(_free(subject)) if kept else 0]:
        if role.moment is not None:
            yield Finding(
                "W003",
                f"`{role.name}` is kept, but nothing is called",
                span=span_in(role.moment.source, role.name),
                fix=f"`{role.name} = scratch(…)`",
                symbol=subject.piece.symbol,
            )


def _is_in_body(role: Role, subject: Subject) -> bool:
    """Whether the function itself took the register, and no helper that other functions use."""
    declared, moment = subject.piece.declared, role.moment
    if moment is None or moment.source.file != declared.file:
        return False
    lines = [item.body_line for item in subject.piece.items if isinstance(item, Line)]
    return declared.line <= moment.line <= max(lines, default=0)


def _free(subject: Subject) -> set[int]:
    """The registers that `scratch` could hand out, and that no instruction uses."""
    changed = subject.piece.signature.changed
    free = {one.number for one in SCRATCH_ORDER if one in changed}
    for node in subject.graph.nodes:
        free.difference_update(number for number, _ in node.effects.reads + node.effects.writes)
    return free


@applies_to_build
def subsystems_are_reached(build: Build) -> Iterator[Finding]:
    """Subsystems that have code or data, but none that anything leads to; in debug builds, which
    lead to all that any build does."""
    if not build.program.debug:
        return
    for unit in build.program.units:
        if unit.symbols and build.program.reached.isdisjoint(unit.symbols):
            yield Finding(
                W004,
                f"nothing can reach the subsystem `{unit.name}`",
                span=_declaration(unit),
                fix="take it out of the image, or call it",
                symbol=unit.symbols[0],
            )


def _declaration(unit: Unit) -> Span:
    """The line of the subsystem's class."""
    assert unit.owner is not None
    file = sys.modules[unit.owner.__module__].__file__
    return span_in(Source(str(file), findsource(unit.owner)[1] + 1), unit.owner.__name__)


def _taken(subject: Subject) -> list[Role]:
    """Roles that the function took a register for."""
    return [role for role in subject.piece.roles if role.kind in ("keep", "scratch")]
