"""W0xx: code that does nothing, or more than it needs."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from inspect import findsource

from iced_x86 import Mnemonic, OpKind
from iced_x86 import Register as IcedRegister

from pykasm.check.build import Build, FunctionAnalysis
from pykasm.check.convention import register_name
from pykasm.check.effects import RBP, RSP
from pykasm.check.finding import Finding, span_in, span_of
from pykasm.check.graph import Node
from pykasm.check.liveness import FLAGS, Liveness
from pykasm.check.operandroles import written_roles
from pykasm.check.rule import build_check, function_check, rule
from pykasm.isa.code import Line
from pykasm.lang.convention import SCRATCH_ORDER
from pykasm.lang.role import Role
from pykasm.lang.types import is_pointer
from pykasm.lang.unit import Unit
from pykasm.source import Source, Span, line_span

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

_MOVES = {
    Mnemonic.MOV,
    Mnemonic.MOVZX,
    Mnemonic.MOVSX,
    Mnemonic.MOVSXD,
    Mnemonic.LEA,
}
"""Instructions that do nothing but give a register a value."""

_CHANGES = {
    Mnemonic.ADD,
    Mnemonic.SUB,
    Mnemonic.AND,
    Mnemonic.OR,
    Mnemonic.XOR,
    Mnemonic.INC,
    Mnemonic.DEC,
    Mnemonic.NEG,
    Mnemonic.NOT,
    Mnemonic.SHL,
    Mnemonic.SHR,
    Mnemonic.SAR,
    Mnemonic.IMUL,
}
"""Those that change one, and flags with it."""


_LOOKS = {Mnemonic.CMP, Mnemonic.TEST, Mnemonic.BT}
"""Those that only set flags."""


@function_check
def writes_are_read(function: FunctionAnalysis) -> Iterator[Finding]:
    """Find registers that are written and then not read on any path."""
    if not function.is_framed:
        return
    live = Liveness(function)
    for index, node, _ in function.visits():
        if node.effects.mnemonic in _LOOKS and _is_own(node) and not live.after[index] & FLAGS:
            yield Finding(
                "W001",
                "the flags are set, and nothing reads them",
                span=span_of(node.line),
                fix="take it out, or read them before other instructions set them",
                symbol=function.routine.symbol,
            )
        number = _only_written(node)
        if number is not None and not live.after[index] & (1 << number | _flags(node)):
            yield Finding(
                "W001",
                f"`{register_name(number)}` is written, and nothing reads it",
                span=span_of(node.line),
                fix="take it out",
                symbol=function.routine.symbol,
            )


def _flags(node: Node) -> int:
    return FLAGS if node.effects.flags_written or node.effects.flags_undefined else 0


def _only_written(node: Node) -> int | None:
    """Return the register that is all the instruction writes, but for flags, if there is one."""
    mnemonic = node.effects.mnemonic
    if mnemonic not in _MOVES and not (mnemonic in _CHANGES and _is_own(node)):
        return None
    instruction = node.effects.instruction
    kinds = [instruction.op_kind(number) for number in range(instruction.op_count)]
    if OpKind.MEMORY in kinds and mnemonic != Mnemonic.LEA and not _loads_pointer(node):
        return None  # a device may notice a load
    numbers = [number for number, _ in node.effects.writes if number not in (RSP, RBP)]
    return numbers[0] if len(numbers) == 1 else None


def _loads_pointer(node: Node) -> bool:
    """Return whether the function's own body loads a named pointer: devices have none."""
    roles = written_roles(node).values()
    return _is_own(node) and any(role.kind != "result" and is_pointer(role.type) for role in roles)


def _is_own(node: Node) -> bool:
    """Return whether the function's own body has the instruction: not every user of a helper reads
    all that it leaves."""
    return node.line.source.line == node.line.body_line


@function_check
def names_are_used(function: FunctionAnalysis) -> Iterator[Finding]:
    """Find roles that no instruction reads."""
    for role in _taken(function):
        if not role.used and role.moment is not None:
            yield Finding(
                "W002",
                f"`{role.name}` is never used",
                span=span_in(role.moment.source, role.name),
                fix="take it out",
                symbol=function.routine.symbol,
            )


@function_check
def locals_are_used(function: FunctionAnalysis) -> Iterator[Finding]:
    """Find locals that no instruction names."""
    if not function.routine.locals:
        return
    places = {access for node in function.graph.nodes if (access := _place(node)) is not None}
    for one in function.routine.locals:
        first = one._displacement
        if places.isdisjoint(range(first, first + one._kind._size)):
            yield Finding(
                "W002",
                f"`{one._name}` is never used",
                span=_first_place(function, one._name),
                fix="take it out",
                symbol=function.routine.symbol,
            )


def _place(node: Node) -> int | None:
    """Return the displacement from rbp of the local that an instruction names."""
    instruction = node.effects.instruction
    if instruction.memory_base != IcedRegister.RBP:
        return None
    distance: int = instruction.memory_displacement
    return distance - ((distance >> 63) << 64)


def _first_place(function: FunctionAnalysis, name: str) -> Span:
    """Return where the body of a function first has a name."""
    file, first = function.routine.declared
    lines = [item.body_line for item in function.routine.items if isinstance(item, Line)]
    for line in range(first, max(lines, default=first) + 1):
        span = span_in(Source(file, line), name)
        if span != line_span(span.source):
            return span
    return line_span(function.routine.declared)


@function_check
def keeping_is_needed(function: FunctionAnalysis) -> Iterator[Finding]:
    """Find `keep` in functions that call nothing, as far as other registers are free."""
    if any(node.is_call for node in function.graph.nodes):
        return
    kept = [one for one in _taken(function) if one.kind == "keep" and _is_in_body(one, function)]
    for role in kept[: len(_free(function)) if kept else 0]:
        if role.moment is not None:
            yield Finding(
                "W003",
                f"`{role.name}` is kept, but nothing is called",
                span=span_in(role.moment.source, role.name),
                fix=f"`{role.name} = scratch(…)`",
                symbol=function.routine.symbol,
            )


def _is_in_body(role: Role, function: FunctionAnalysis) -> bool:
    """Return whether the function's own body took the register, and no helper."""
    declared, moment = function.routine.declared, role.moment
    if moment is None or moment.source.file != declared.file:
        return False
    lines = [item.body_line for item in function.routine.items if isinstance(item, Line)]
    return declared.line <= moment.line <= max(lines, default=0)


def _free(function: FunctionAnalysis) -> set[int]:
    """Return the registers that `scratch` could hand out, and that no instruction uses."""
    changed = function.routine.signature.changed
    free = {one.number for one in SCRATCH_ORDER if one in changed}
    for node in function.graph.nodes:
        free.difference_update(number for number, _ in node.effects.reads + node.effects.writes)
    return free


@build_check
def subsystems_are_reached(build: Build) -> Iterator[Finding]:
    """Find subsystems with code or data of which nothing is reachable, in images that use all that
    they have."""
    if not build.program.expects_all_used:
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
    """Return the line of the subsystem's class."""
    assert unit.owner is not None
    file = sys.modules[unit.owner.__module__].__file__
    return span_in(Source(str(file), findsource(unit.owner)[1] + 1), unit.owner.__name__)


def _taken(function: FunctionAnalysis) -> list[Role]:
    """Return the roles that the function took a register for."""
    return [role for role in function.routine.roles if role.kind in ("keep", "scratch")]
