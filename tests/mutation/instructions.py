"""Faults in instructions: each function plants one kind, wherever a routine has a place for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import TypeAlias

from pykasm.isa.code import Item, Label, Line
from pykasm.isa.registers import REGISTERS, Register, RegisterKind, general
from pykasm.isa.statement import Address, Operand, Statement
from pykasm.lang.convention import ARGUMENTS, SLOT, STACK_ALIGNMENT, Kind
from pykasm.lang.locking import LockAction, LockEvent
from pykasm.lang.operands import RegisterOperand
from pykasm.lang.routine import Routine
from tests.mutation.kind import FaultKind

Faulty: TypeAlias = Callable[[], Routine]
"""Makes a routine with a fault. Few of them are ever made: there are hundreds of places for each
kind that is tried."""

Plant: TypeAlias = Callable[[Routine], Iterator[Faulty]]

PLANTS: dict[FaultKind, Plant] = {}
"""What plants each kind: the routine with the fault, once for every place."""

RSP = REGISTERS["rsp"]
STATUS_SETTERS = frozenset({"cmp", "test", "bt"})
"""Instructions that only set flags."""

OPPOSITES = {
    one: other
    for first, second in (
        ("jz", "jnz"),
        ("je", "jne"),
        ("jb", "jae"),
        ("jbe", "ja"),
        ("jl", "jge"),
        ("jle", "jg"),
        ("js", "jns"),
        ("jc", "jnc"),
    )
    for one, other in ((first, second), (second, first))
}
"""Jumps on a condition and on its opposite (AMD64 APM vol. 3, Jcc)."""


def plants(name: str, rules: str = "") -> Callable[[Plant], Plant]:
    """Register the function below as one that plants the kind `name`, which `rules` forbid."""

    def entered(plant: Plant) -> Plant:
        PLANTS[FaultKind(name, rules)] = plant
        return plant

    return entered


def _lines(routine: Routine, *mnemonics: str) -> Iterator[tuple[int, Line]]:
    """The instructions of `routine` named so, or all, with their indexes."""
    for index, item in enumerate(routine.items):
        if isinstance(item, Line) and (not mnemonics or item.statement.mnemonic in mnemonics):
            yield index, item


def _without(routine: Routine, *indexes: int, events: list[LockEvent] | None = None) -> Faulty:
    """The routine without those items, and perhaps with other lock events; labels nobody uses keep
    the places of the others."""

    def made() -> Routine:
        items = [
            Label("dropped") if index in indexes else item
            for index, item in enumerate(routine.items)
        ]
        faulty = routine.with_items(items)
        return faulty if events is None else replace(faulty, lock_events=events)

    return made


def _with(routine: Routine, index: int, *lines: Item) -> Faulty:
    """The routine with `lines` from `index` on in place of as many others."""

    def made() -> Routine:
        items = [*routine.items[:index], *lines, *routine.items[index + len(lines) :]]
        return routine.with_items(items)

    return made


def _plain(line: Line, mnemonic: str) -> Line:
    """`mnemonic` without operands in place of `line`."""
    return line._replace(
        statement=Statement(line.statement.bits, mnemonic), references=(), written=()
    )


def _with_operand(line: Line, position: int, operand: Operand, written: object) -> Line:
    """`line` with another operand."""
    operands, author = list(line.statement.operands), list(line.written)
    operands[position], author[position] = operand, written
    statement = line.statement._replace(operands=tuple(operands))
    return line._replace(statement=statement, written=tuple(author))


def _dropped(*mnemonics: str) -> Plant:
    """Drops one of the instructions named so."""

    def plant(routine: Routine) -> Iterator[Faulty]:
        for index, _ in _lines(routine, *mnemonics):
            yield _without(routine, index)

    return plant


plants("push dropped", "E014 E020 E021 E022")(_dropped("push"))
plants("pop dropped", "E014 E020 E021")(_dropped("pop"))
plants("leave dropped", "E021")(_dropped("leave"))
plants("return dropped", "E020 E021 E030")(_dropped("ret", "iretq"))


@plants("push and pops of a kept register dropped", "E014")
def _unsaved(routine: Routine) -> Iterator[Faulty]:
    if routine.kind is not Kind.FUNCTION:
        return
    for register in routine.kept:
        own = [
            index
            for index, line in _lines(routine, "push", "pop")
            if line.statement.operands[0] is register
        ]
        yield _without(routine, *own)


@plants("pops swapped", "E014")
def _pops_swapped(routine: Routine) -> Iterator[Faulty]:
    if routine.kind is not Kind.FUNCTION:
        return
    for (first, one), (second, other) in pairwise(_lines(routine, "pop")):
        if second == first + 1:
            yield _with(routine, first, other, one)


@plants("other way of returning", "E021 E033")
def _returns_otherwise(routine: Routine) -> Iterator[Faulty]:
    if routine.kind not in (Kind.FUNCTION, Kind.INTERRUPT):
        return
    for index, line in _lines(routine, "ret", "iretq"):
        other = "iretq" if line.statement.mnemonic == "ret" else "ret"
        yield _with(routine, index, _plain(line, other))


@plants("frame of another size", "E014 E022 E023")
def _frame_resized(routine: Routine) -> Iterator[Faulty]:
    for index, line in _lines(routine, "sub"):
        if line.statement.operands[0] is RSP and routine.kind is Kind.FUNCTION:
            size = line.statement.operands[1]
            assert isinstance(size, int)
            for wrong in (size - STACK_ALIGNMENT, size - SLOT, size + SLOT):
                if wrong > 0:
                    yield _with(routine, index, _with_operand(line, 1, wrong, wrong))
            yield _without(routine, index)


@plants("stack adjusted wrongly", "E020 E021 E022")
def _adjusted_wrongly(routine: Routine) -> Iterator[Faulty]:
    for index, line in _lines(routine, "add", "lea"):
        target, amount = line.statement.operands[:2]
        if target is not RSP or index < routine.prologue_items:
            continue
        for distance in (-SLOT, SLOT):
            if isinstance(amount, int):
                yield _with(routine, index, _with_operand(line, 1, amount + distance, amount))
            elif isinstance(amount, Address):
                moved = amount._replace(displacement=amount.displacement + distance)
                yield _with(routine, index, _with_operand(line, 1, moved, line.written[1]))


plants("cld dropped", "E015")(_dropped("cld"))


@plants("std before a string instruction", "E015")
def _std_added(routine: Routine) -> Iterator[Faulty]:
    for index, line in _lines(routine):
        if line.statement.prefix.startswith("rep"):
            items = [*routine.items[:index], _plain(line, "std"), *routine.items[index:]]
            yield partial(replace, routine, items=items)


plants("flags not set for a jump", "E013")(_dropped(*STATUS_SETTERS))


@plants("argument not moved", "E010 E011 E07x")
def _argument_dropped(routine: Routine) -> Iterator[Faulty]:
    """Drops the last write of an argument's register before a call that takes it."""
    for index, line in _lines(routine, "call"):
        signature = getattr(line.written[0], "_signature", None)
        count = len(signature.parameters) if signature else 0
        for register in ARGUMENTS[:count]:
            written = _last_write(routine, index, register)
            if written is not None:
                yield _without(routine, written)


def _last_write(routine: Routine, before: int, register: Register) -> int | None:
    """The move to `register` in the straight code that ends at `before`."""
    for index in range(before - 1, routine.prologue_items - 1, -1):
        item = routine.items[index]
        if not isinstance(item, Line) or item.statement.mnemonic.startswith(("j", "call")):
            return None
        operands = item.statement.operands
        if operands and _is_part(operands[0], register):
            return index if item.statement.mnemonic in ("mov", "lea", "movzx") else None
    return None


def _is_part(operand: object, register: Register) -> bool:
    return (
        isinstance(operand, Register)
        and operand.kind is RegisterKind.GENERAL
        and operand.number == register.number
    )


@plants("result not moved", "E010 E011")
def _result_dropped(routine: Routine) -> Iterator[Faulty]:
    """Drops the write of rax before the function is left."""
    if not routine.signature.results:
        return
    for index, _ in _lines(routine, "ret"):
        written = _last_write(routine, index, REGISTERS["rax"])
        if written is not None:
            yield _without(routine, written)


@plants("first value of a name dropped", "E010 E012")
def _name_unset(routine: Routine) -> Iterator[Faulty]:
    seen: set[int] = {id(role) for role in routine.roles if role.kind == "parameter"}
    for index, line in _lines(routine):
        first = line.written[0] if line.written else None
        role = first._role if isinstance(first, RegisterOperand) else None
        if role is None or id(role) in seen:
            continue
        seen.add(id(role))
        if line.statement.mnemonic in ("mov", "lea", "movzx", "movsx", "xor"):
            yield _without(routine, index)


plants("call dropped")(_dropped("call"))


@plants("width of an operand changed", "E010 E07x")
def _width_changed(routine: Routine) -> Iterator[Faulty]:
    """One operand becomes narrower or wider, the others stay."""
    for index, line in _lines(routine):
        for position, operand in enumerate(line.statement.operands):
            written = line.written[position] if position < len(line.written) else None
            changed = _of_other_width(operand)
            if changed is not None and index >= routine.prologue_items:
                yield _with(routine, index, _with_operand(line, position, changed, written))


def _of_other_width(operand: Operand) -> Operand | None:
    """`operand` with half its width, or from one byte on with twice that."""
    size = getattr(operand, "size", 0)
    if size not in (1, 2, 4, 8):
        return None
    other = size // 2 if size > 1 else 2
    if isinstance(operand, Address):
        return operand._replace(size=other)
    if isinstance(operand, Register) and operand.kind is RegisterKind.GENERAL:
        return general(operand.number, other)
    return None


@plants("write narrowed")
def _write_narrowed(routine: Routine) -> Iterator[Faulty]:
    """A move to a register becomes one of 16 bits, which leaves the rest as it was."""
    for index, line in _lines(routine, "mov"):
        narrow = [_narrowed(operand) for operand in line.statement.operands]
        if index >= routine.prologue_items and all(one is not None for one in narrow):
            statement = line.statement._replace(operands=tuple(one for one in narrow if one))
            yield _with(routine, index, line._replace(statement=statement))


def _narrowed(operand: Operand) -> Register | Address | None:
    """The lowest 16 bits of `operand`, if it has more."""
    if isinstance(operand, Address):
        return operand._replace(size=2) if operand.size > 2 else None
    is_general = isinstance(operand, Register) and operand.kind is RegisterKind.GENERAL
    return general(operand.number, 2) if is_general and operand.size > 2 else None  # type: ignore[union-attr]


@plants("lock not released", "E050")
def _lock_kept(routine: Routine) -> Iterator[Faulty]:
    for event in routine.lock_events:
        if event.action is LockAction.RELEASE:
            others = [one for one in routine.lock_events if one is not event]
            yield _without(routine, event.index, events=others)


@plants("state not ended", "E054")
def _state_kept(routine: Routine) -> Iterator[Faulty]:
    for event in routine.lock_events:
        if event.action is LockAction.END:
            others = [one for one in routine.lock_events if one is not event]
            yield _without(routine, event.index, events=others)


@plants("lock taken while it is held", "E050")
def _lock_taken_again(routine: Routine) -> Iterator[Faulty]:
    """Make a function call itself where it holds the lock."""
    for index, line in calls_under_locks(routine):
        for reference in line.references:  # a call by a pointer has none
            itself = reference._replace(target=routine.symbol)
            yield _with(routine, index, line._replace(references=(itself,)))


def calls_under_locks(routine: Routine) -> Iterator[tuple[int, Line]]:
    """The calls between taking a lock and releasing it, with their indexes."""
    actions = {event.index: event.action for event in routine.lock_events}
    held = False
    for index, item in enumerate(routine.items):
        if index in actions:
            held = actions[index] is LockAction.TAKE
        if held and isinstance(item, Line) and item.statement.mnemonic == "call":
            yield index, item


@plants("lock neither taken nor released")
def _lock_forgotten(routine: Routine) -> Iterator[Faulty]:
    """Only a rule can know of it where what the lock guards says so."""
    for lock in dict.fromkeys(event.lock for event in routine.lock_events):
        own = [event.index for event in routine.lock_events if event.lock == lock]
        others = [event for event in routine.lock_events if event.lock != lock]
        yield _without(routine, *own, events=others)


@plants("interrupts left off")
def _interrupts_off(routine: Routine) -> Iterator[Faulty]:
    """Drops the `popfq` that gives back what `pushfq` and `cli` took, with its push."""
    for (before, _), (index, line) in pairwise(_lines(routine)):
        if line.statement.mnemonic == "popfq":
            yield _without(routine, before, index)


@plants("condition negated")
def _negated(routine: Routine) -> Iterator[Faulty]:
    for index, line in _lines(routine, *OPPOSITES):
        other = line.statement._replace(mnemonic=OPPOSITES[line.statement.mnemonic])
        yield _with(routine, index, line._replace(statement=other))


@plants("operands swapped")
def _swapped(routine: Routine) -> Iterator[Faulty]:
    for index, line in _lines(routine):
        operands = line.statement.operands
        if index < routine.prologue_items or len(operands) != 2 or operands[0] is operands[1]:
            continue
        if all(isinstance(one, Register) for one in operands):
            first, second = line.written
            swapped = _with_operand(line, 0, operands[1], second)
            yield _with(routine, index, _with_operand(swapped, 1, operands[0], first))


@plants("another name's register")
def _misnamed(routine: Routine) -> Iterator[Faulty]:
    """A name in place of another one with a value of the same width."""
    for index, line in _lines(routine):
        for position, written in enumerate(line.written):
            if not isinstance(written, RegisterOperand) or written._role is None:
                continue
            for role in routine.roles:
                if role is not written._role and role.start < index:
                    register = general(role.register.number, written._register.size)
                    other = RegisterOperand(register, written._kind, role)
                    yield _with(routine, index, _with_operand(line, position, register, other))
                    break


@plants("number off by one")
def _off_by_one(routine: Routine) -> Iterator[Faulty]:
    for index, line in _lines(routine):
        for position, operand in enumerate(line.statement.operands):
            if isinstance(operand, int) and line.statement.operands[0] is not RSP:
                wrong = operand + 1
                yield _with(routine, index, _with_operand(line, position, wrong, wrong))


@plants("another field")
def _misplaced(routine: Routine) -> Iterator[Faulty]:
    for index, line in _lines(routine):
        for position, operand in enumerate(line.statement.operands):
            if isinstance(operand, Address) and operand.base is not None and not operand.symbolic:
                moved = operand._replace(displacement=operand.displacement + SLOT)
                written = line.written[position]
                yield _with(routine, index, _with_operand(line, position, moved, written))


@plants("instruction dropped")
def _any_dropped(routine: Routine) -> Iterator[Faulty]:
    for index, line in _lines(routine):
        if index >= routine.prologue_items and line.written:
            yield _without(routine, index)
