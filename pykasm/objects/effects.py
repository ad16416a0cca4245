"""What an instruction does to the stack and to the registers that a frame must restore."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum, auto
from typing import NamedTuple

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


class Action(Enum):
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


class Flow(Enum):
    """Where execution goes after an instruction."""

    NEXT = auto()
    BRANCH = auto()
    JUMP = auto()
    INDIRECT_JUMP = auto()
    END = auto()


class Effect(NamedTuple):
    """What an instruction does, in order, and where execution goes on."""

    steps: tuple[Step, ...] = ()
    flow: Flow = Flow.NEXT


class Place(NamedTuple):
    """An instruction that matters to frames: from `offset` to `end`, jumping to `target`."""

    offset: int
    end: int
    effect: Effect
    target: int | None


_FLOWS = {
    FlowControl.CONDITIONAL_BRANCH: Flow.BRANCH,
    FlowControl.UNCONDITIONAL_BRANCH: Flow.JUMP,
    FlowControl.INDIRECT_BRANCH: Flow.INDIRECT_JUMP,
    FlowControl.RETURN: Flow.END,
    FlowControl.EXCEPTION: Flow.END,
}
_DIRECT = {Flow.BRANCH, Flow.JUMP}
_WRITES = {
    OpAccess.WRITE,
    OpAccess.COND_WRITE,
    OpAccess.READ_WRITE,
    OpAccess.READ_COND_WRITE,
}
_IMMEDIATES = {OpKind.IMMEDIATE8TO64, OpKind.IMMEDIATE32TO64}
_BRANCH_FIELD = 4  # bytes of the distance in a branch that the linker fills in

_NUMBERS = {
    getattr(Register, name.upper()): number
    for name, number in REGISTER_NUMBERS.items()
    if number in GENERAL
}
_info = InstructionInfoFactory()
_known: dict[bytes, Effect | None] = {}


def places(code: bytes, base: int, relocated: frozenset[int]) -> Iterator[Place]:
    """The instructions of 64-bit `code` that matter to frames, in order.

    `base` is the offset of the code in its section, `relocated` the offsets in that section
    that the linker fills in: a branch with such a field leaves the function.
    """
    offset = 0
    for instruction in Decoder(64, code):
        end = instruction.next_ip
        encoded = code[offset:end]
        try:
            effect = _known[encoded]
        except KeyError:
            effect = _known[encoded] = _effect(instruction)
        if effect is not None:
            direct = effect.flow in _DIRECT and base + end - _BRANCH_FIELD not in relocated
            target = instruction.near_branch_target if direct else None
            yield Place(offset, end, effect, target)
        offset = end


def _effect(instruction: Instruction) -> Effect | None:
    """The effect of `instruction`; None if it has none on frames."""
    flow = _FLOWS.get(instruction.flow_control, Flow.NEXT)
    if flow is Flow.BRANCH:
        return Effect(_other_steps(instruction), flow)
    if flow is not Flow.NEXT:
        return Effect((), flow)
    if instruction.flow_control in (FlowControl.CALL, FlowControl.INDIRECT_CALL):
        return Effect(tuple(Step(Action.CHANGE, number) for number in sorted(CALLER_SAVED)))
    steps = _stack_steps(instruction)
    if steps is None:
        steps = _other_steps(instruction)
    return Effect(steps) if steps else None


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
    if target not in (Register.RSP, Register.RBP):
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
