"""What an instruction does to the stack and to the registers that a frame must restore."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, auto
from typing import Any, NamedTuple

from iced_x86 import (
    Decoder,
    FlowControl,
    Instruction,
    InstructionInfoFactory,
    Mnemonic,
    OpAccess,
    OpKind,
    Register,
    RegisterInfo,
)

from pykasm.objects.dwarf import REGISTER_NUMBERS

RBP = REGISTER_NUMBERS["rbp"]
RSP = REGISTER_NUMBERS["rsp"]
RIP = REGISTER_NUMBERS["rip"]
GENERAL = frozenset(range(RIP))
CALLER_SAVED = frozenset(
    REGISTER_NUMBERS[name] for name in ["rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11"]
)
"""Registers that a call may change (System V ABI AMD64 supplement, 3.2.1), by DWARF number."""


class Action(IntEnum):
    """A step in what an instruction does; `argument` of a `Step` is its number."""

    PUSH = auto()
    POP = auto()
    ADD = auto()
    BASE_FROM_STACK = auto()
    STACK_FROM_BASE = auto()
    SWITCH_STACK = auto()
    LOSE_STACK = auto()
    CHANGE = auto()


class Step(NamedTuple):
    """One action.

    `argument` is the DWARF number of the register pushed, popped or changed, the bytes added to
    rsp, or the distance d in `rbp = rsp + d` and `rsp = rbp + d`.
    """

    action: Action
    argument: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Effect:
    """What an instruction does, in order, and where execution goes on.

    A `branch` has a target in its operand. An instruction that `ends` has no other successor,
    unless it is a jump to a place that is looked up (`indirect`). Compared by identity.
    """

    steps: tuple[Step, ...] = ()
    branch: bool = False
    ends: bool = False
    indirect: bool = False


class Place(NamedTuple):
    """An instruction that matters to frames: from `offset` to `end`, jumping to `target`."""

    offset: int
    end: int
    effect: Effect
    target: int | None


_ENDS = {
    FlowControl.UNCONDITIONAL_BRANCH: Effect(branch=True, ends=True),
    FlowControl.INDIRECT_BRANCH: Effect(ends=True, indirect=True),
    FlowControl.RETURN: Effect(ends=True),
    FlowControl.EXCEPTION: Effect(ends=True),
}
_WRITES = {
    OpAccess.WRITE,
    OpAccess.COND_WRITE,
    OpAccess.READ_WRITE,
    OpAccess.READ_COND_WRITE,
}
_IMMEDIATES = {OpKind.IMMEDIATE8TO64, OpKind.IMMEDIATE32TO64}
_CALLS = {FlowControl.CALL, FlowControl.INDIRECT_CALL}
_STACK_POINTERS = {Register.RSP, Register.RBP}
_BRANCH_FIELD = 4  # bytes of the distance in a branch that the linker fills in

_NUMBERS = {
    getattr(Register, name.upper()): number
    for name, number in REGISTER_NUMBERS.items()
    if number in GENERAL
}
_info = InstructionInfoFactory()


class EffectReader:
    """Finds the instructions that matter to frames in which only the registers `tracked` count.

    Equal bytes have equal effects, and so have equal forms with equal registers, so that few
    instructions of a program have to be looked at closely.
    """

    def __init__(self, tracked: frozenset[int]) -> None:
        self._tracked = tracked
        self._by_bytes: dict[bytes, Effect | None] = {}
        self._by_form: dict[tuple[int, ...], Effect | None] = {}

    def places(self, code: bytes, base: int, relocated: frozenset[int]) -> list[Place]:
        """The instructions of 64-bit `code` that matter to frames, in order.

        `base` is the offset of the code in its section, `relocated` the offsets in that section
        that the linker fills in: a branch with such a field leaves the function.
        """
        found: list[Place] = []
        offset, known = 0, self._by_bytes
        for instruction in Decoder(64, code):
            end = instruction.next_ip
            encoded = code[offset:end]
            try:
                effect = known[encoded]
            except KeyError:
                effect = known[encoded] = self._effect(instruction)
            if effect is not None:
                inside = effect.branch and base + end - _BRANCH_FIELD not in relocated
                target = instruction.near_branch_target if inside else None
                found.append(_new(Place, (offset, end, effect, target)))
            offset = end
        return found

    def _effect(self, instruction: Instruction) -> Effect | None:
        """The effect of `instruction`; None if it has none on frames."""
        first = instruction.op0_register
        if first in _STACK_POINTERS or instruction.is_stack_instruction:  # constants matter
            return self._computed(instruction)
        form = (
            instruction.code,
            first,
            instruction.op1_register,
            instruction.op2_register,
            instruction.has_rep_prefix,
        )
        if form not in self._by_form:
            self._by_form[form] = self._computed(instruction)
        return self._by_form[form]

    def _computed(self, instruction: Instruction) -> Effect | None:
        flow = instruction.flow_control
        if flow in _ENDS:
            return _ENDS[flow]
        if flow in _CALLS:
            steps = tuple(Step(Action.CHANGE, register) for register in sorted(CALLER_SAVED))
        else:
            steps = _steps(instruction)
        steps = tuple(step for step in steps if self._matters(step))
        branch = flow == FlowControl.CONDITIONAL_BRANCH
        return Effect(steps, branch) if steps or branch else None

    def _matters(self, step: Step) -> bool:
        return step.action != Action.CHANGE or step.argument in self._tracked


_new: Any = tuple.__new__
"""Makes a named tuple of a tuple, in a third of the time that calling its class takes."""


def _steps(instruction: Instruction) -> tuple[Step, ...]:
    steps = _stack_steps(instruction)
    return _other_steps(instruction) if steps is None else steps


def _stack_steps(instruction: Instruction) -> tuple[Step, ...] | None:
    """The steps of an instruction made for the stack; None for another one."""
    pushed = _NUMBERS.get(instruction.op0_register)
    match instruction.mnemonic:
        case Mnemonic.PUSH if pushed is not None:
            return (Step(Action.PUSH, pushed),)
        case Mnemonic.POP if pushed is not None and pushed != RSP:
            return (Step(Action.POP, pushed),)
        case Mnemonic.LEAVE:
            return Step(Action.STACK_FROM_BASE), Step(Action.POP, RBP)
        case Mnemonic.ENTER if instruction.immediate8_2nd == 0:
            down = Step(Action.ADD, -instruction.immediate16)
            return Step(Action.PUSH, RBP), Step(Action.BASE_FROM_STACK), down
        case Mnemonic.MOV | Mnemonic.LEA | Mnemonic.ADD | Mnemonic.SUB:
            return _pointer_steps(instruction)
    return None


def _pointer_steps(instruction: Instruction) -> tuple[Step, ...] | None:
    """The steps of moving rsp or rbp by a known distance."""
    target = instruction.op0_register
    if target not in _STACK_POINTERS:
        return None
    if instruction.mnemonic in (Mnemonic.MOV, Mnemonic.LEA):
        return _copy_steps(instruction)
    if target == Register.RSP and instruction.op1_kind in _IMMEDIATES:
        distance = _signed(instruction.immediate(1))
        return (Step(Action.ADD, distance if instruction.mnemonic == Mnemonic.ADD else -distance),)
    return None


def _copy_steps(instruction: Instruction) -> tuple[Step, ...] | None:
    source, distance = instruction.op1_register, 0
    if instruction.mnemonic == Mnemonic.LEA and instruction.memory_index == Register.NONE:
        source, distance = instruction.memory_base, _signed(instruction.memory_displacement)
    match instruction.op0_register, source:
        case Register.RSP, Register.RSP:
            return (Step(Action.ADD, distance),)
        case Register.RSP, Register.RBP:
            return (Step(Action.STACK_FROM_BASE, distance),)
        case Register.RBP, Register.RSP:
            return (Step(Action.BASE_FROM_STACK, distance),)
        case Register.RSP, _ if instruction.mnemonic == Mnemonic.MOV:
            return (Step(Action.SWITCH_STACK),)
    return None


def _signed(value: int) -> int:
    """The 64-bit `value` as a signed number."""
    return (value ^ 1 << 63) - (1 << 63)


def _other_steps(instruction: Instruction) -> tuple[Step, ...]:
    """The steps of any instruction, from the registers that it writes."""
    written = {
        _NUMBERS.get(RegisterInfo(used.register).full_register)
        for used in _info.info(instruction).used_registers()
        if used.access in _WRITES
    }
    steps = [Step(Action.CHANGE, number) for number in sorted(GENERAL & written - {RSP})]
    if RSP in written:
        if instruction.is_stack_instruction:
            steps.append(Step(Action.ADD, instruction.stack_pointer_increment))
        else:
            steps.append(Step(Action.LOSE_STACK))
    return tuple(steps)
