"""Moves of arguments into their registers, as if all at once."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from pykasm.errors import RegisterMistake
from pykasm.isa.registers import REGISTERS, WORD, Register, RegisterKind, general
from pykasm.lang.bitfields import BitPlace
from pykasm.lang.builder import current, emit
from pykasm.lang.convention import CALLEE_SAVED, CALLER_SAVED, SLOT
from pykasm.lang.operands import MemoryOperand, RegisterOperand
from pykasm.lang.places import PlaceAddress
from pykasm.lang.registers import machine_register, rsp
from pykasm.lang.types import TypeMeta

TEMPORARIES = tuple(REGISTERS[name] for name in ("rax", "r10", "r11"))
"""Caller-saved registers that carry no argument."""

FIRST_HIGH_BYTE = 4
"""The number of ah (AMD64 APM vol. 3, 1.4.1); those of ch, dh and bh follow."""


@dataclass(slots=True)
class Move:
    """`source` has to get into `target`, as a value of type `kind`."""

    target: Register
    kind: TypeMeta
    source: object

    def reads(self, register: Register) -> bool:
        """Whether the source needs what is in `register`."""
        return any(one.number == register.number for one in registers_in(self.source))

    def replace(self, old: Register, new: Register) -> None:
        """Read `new` where the source read `old`."""
        self.source = _with_register(self.source, old, new)

    @property
    def is_done(self) -> bool:
        """Whether the value is in place already, extended as it has to be.

        What is 32 bits wide has a clear upper half, unless it is a part of something wider.
        """
        source = self.source
        if not isinstance(source, RegisterOperand) or source._register.number != self.target.number:
            return False
        whole = source._role.register.size if source._role else SLOT
        return self.kind._size == whole and whole in (WORD, SLOT)

    def emit(self) -> None:
        """Write the instruction that makes this move."""
        size = self.kind._size
        if isinstance(self.source, int):
            self._load_number(self.source, size)
        elif isinstance(self.source, PlaceAddress):
            emit("lea", _operand(self.target, SLOT), self.source)
        elif size < WORD:
            extend = "movsx" if self.kind._signed else "movzx"
            emit(extend, _operand(self.target, WORD), self.source)
        else:
            emit("mov", _operand(self.target, size), self.source)

    def _load_number(self, number: int, size: int) -> None:
        if number == 0:
            emit("xor", _operand(self.target, WORD), _operand(self.target, WORD))
        elif 0 < number < 1 << (WORD * 8):
            emit("mov", _operand(self.target, WORD), number)
        else:
            emit("mov", _operand(self.target, max(size, WORD)), number)


def _operand(register: Register, size: int) -> RegisterOperand:
    made: RegisterOperand = machine_register(general(register.number, size))
    return made


def registers_in(source: object) -> tuple[Register, ...]:
    """The registers whose contents `source` depends on."""
    if isinstance(source, RegisterOperand):
        return (whole_register(source._register),)
    if isinstance(source, PlaceAddress):
        return registers_in(source._place)
    if isinstance(source, BitPlace):
        return registers_in(source._container)
    if isinstance(source, MemoryOperand):
        parts = (source._base, source._index)
        return tuple(one._register for one in parts if one is not None)
    return ()


def whole_register(register: Register) -> Register:
    """The 64-bit register that `register` is a part of: rdx for dh."""
    if register.kind is RegisterKind.HIGH_BYTE:
        return general(register.number - FIRST_HIGH_BYTE, SLOT)
    return register


def _with_register(source: object, old: Register, new: Register) -> object:
    if isinstance(source, RegisterOperand):
        return _renamed(source, old, new)
    if isinstance(source, PlaceAddress):
        return PlaceAddress(_in_memory(source._place, old, new))
    if isinstance(source, BitPlace):
        return BitPlace(_in_memory(source._container, old, new), source._range)
    assert isinstance(source, MemoryOperand)
    return _in_memory(source, old, new)


def _in_memory(source: MemoryOperand, old: Register, new: Register) -> MemoryOperand:
    made = source._copy(source._kind)
    made._base = _renamed(source._base, old, new)
    made._index = _renamed(source._index, old, new)
    made._name = ""
    return made


def _renamed(
    operand: RegisterOperand | None, old: Register, new: Register
) -> RegisterOperand | None:
    if operand is None or whole_register(operand._register).number != old.number:
        return operand
    if operand._register.kind is RegisterKind.HIGH_BYTE:
        raise RegisterMistake(
            f"`{operand._text()}` has to move before this call's arguments are in place",
            expected="a low byte, or memory",
            got=operand._text(),
            fix="`mov` it into another register first",
        )
    size = operand._register.size
    return RegisterOperand(general(new.number, size), operand._kind)


def parallel_move(
    moves: Sequence[Move], changed: Collection[Register] = CALLER_SAVED
) -> tuple[RegisterOperand, ...]:
    """Make all moves as if at once, whatever their overlap. Return what is in place already.

    A move is written when no other still reads its target; where each target is read, one is
    saved in a register that nothing uses, and read from there. `changed` are the registers that
    need not keep what is in them.
    """
    in_place = tuple(
        move.source for move in moves if move.is_done and isinstance(move.source, RegisterOperand)
    )
    pending = [move for move in moves if not move.is_done]
    borrowed: list[Register] = []
    while pending:
        ready = next((one for one in pending if not _is_read(one, pending)), None)
        if ready is not None:
            ready.emit()
            pending.remove(ready)
        else:
            _break_cycle(pending, _spare(changed, pending, moves), borrowed)
    for register in reversed(borrowed):
        emit("pop", _operand(register, SLOT))
    return in_place


def _is_read(move: Move, pending: list[Move]) -> bool:
    return any(other is not move and other.reads(move.target) for other in pending)


def _break_cycle(pending: list[Move], spare: Register, borrowed: list[Register]) -> None:
    blocked = pending[0].target
    if spare in CALLEE_SAVED and spare not in borrowed:
        _borrow(spare, pending)
        borrowed.append(spare)
    emit("mov", _operand(spare, SLOT), _operand(blocked, SLOT))
    current().take_in_place(_named(blocked, pending))
    for move in pending:
        if move.reads(blocked):
            move.replace(blocked, spare)


def _named(register: Register, moves: Sequence[Move]) -> tuple[RegisterOperand, ...]:
    """The names by which the sources of `moves` read a register."""
    sources = (move.source for move in moves if move.reads(register))
    return tuple(one for one in sources if isinstance(one, RegisterOperand) and one._role)


def _spare(changed: Collection[Register], pending: list[Move], moves: Sequence[Move]) -> Register:
    for register in (*(one for one in TEMPORARIES if one in changed), *CALLEE_SAVED):
        used = any(move.reads(register) for move in pending)
        target = any(move.target.number == register.number for move in moves)
        if not used and not target:
            return register
    raise RegisterMistake(
        "the arguments of this call use every register",
        expected="a free register to sort them with",
        got=f"{len(moves)} arguments that need each other's registers",
        fix="load some of them first",
    )


def _borrow(register: Register, pending: list[Move]) -> None:
    if any(move.reads(rsp._register) for move in pending):
        raise RegisterMistake(
            "the arguments of this call use every register, and rsp",
            expected="a free register to sort them with",
            got="an argument addressed from rsp",
            fix="load it first, or address it from rbp",
        )
    emit("push", _operand(register, SLOT))
