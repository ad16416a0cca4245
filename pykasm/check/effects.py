"""The effects of an instruction on registers, flags and the stack pointer: uses, defs and kills.

They come from decoding the emitted bytes, never from what the language believes that it emitted.
"""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

from iced_x86 import (
    Decoder,
    FlowControl,
    Instruction,
    InstructionInfoFactory,
    MemorySizeExt,
    Mnemonic,
    OpAccess,
    OpKind,
    RegisterExt,
    RflagsBits,
)
from iced_x86 import Register as IcedRegister

RSP, RBP = 4, 5
"""Numbers of registers that the stack needs (AMD64 APM vol. 3, table 1-10)."""

RAX = 0

_GIVEN_TO_CALLS = sum(1 << number for number in (RAX, 7, 6, 2, 10, 8, 9))
"""What the kernel reads at a system call: the number, then arguments in rdi, rsi, rdx, r10, r8 and
r9 (System V ABI AMD64 supplement, A.2.1)."""

ALL_LANES = 0b1111
"""The lanes of a general register as a mask: byte 0, byte 1, bytes 2 and 3, bytes 4 to 7."""

LANES = {1: 0b0001, 2: 0b0011, 4: 0b0111, 8: ALL_LANES}
"""The lanes that the low bytes of a register take, by the size in bytes."""

STATUS_FLAGS = (
    RflagsBits.CF | RflagsBits.PF | RflagsBits.AF | RflagsBits.ZF | RflagsBits.SF | RflagsBits.OF
)
"""The flags that arithmetic sets by its result (AMD64 APM vol. 1, 3.1.4)."""

_HIGH_BYTES = (IcedRegister.AH, IcedRegister.CH, IcedRegister.DH, IcedRegister.BH)
_READS = {OpAccess.READ, OpAccess.COND_READ, OpAccess.READ_WRITE, OpAccess.READ_COND_WRITE}
_WRITES = {OpAccess.WRITE, OpAccess.READ_WRITE}
_STORES = {*_WRITES, OpAccess.COND_WRITE, OpAccess.READ_COND_WRITE}
"""Accesses that may write: `_WRITES` are those that always do."""

_FRAME_BASES: dict[int, int] = {IcedRegister.RSP: RSP, IcedRegister.RBP: RBP}

_ABSORBING: dict[int, int] = {Mnemonic.AND: 0, Mnemonic.OR: -1}
"""The immediate that is the result itself, whatever the register held before."""

_FACTORY = InstructionInfoFactory()


class Effects(NamedTuple):
    """The effects of an instruction.

    `reads` and `writes` pair numbers of general registers with lanes (bits of `ALL_LANES`). A
    register that is only written under a condition is not in `writes`: its old value may remain.
    `may_read` is the bit set (by register number) of what some use of the instruction reads, such
    as rcx by `cpuid`; `may_write` of what it writes under any condition; `kills` of what holds
    nothing of its old value afterwards.

    Flags are bits of iced-x86's `RflagsBits`. `flags_undefined` has the architecturally undefined
    ones and those whose value says nothing.

    `stack_delta` is the number of bytes that is added to rsp, None where that depends on data;
    `changes_frame` says whether rsp or rbp is written at all. `frame_access` is the base (rsp or
    rbp) and displacement of the memory operand in the frame, `frame_store_size` how many bytes are
    written there. `flow` is iced-x86's `FlowControl`.
    """

    instruction: Instruction
    mnemonic: int
    reads: tuple[tuple[int, int], ...]
    writes: tuple[tuple[int, int], ...]
    may_read: int
    may_write: int
    kills: int
    flags_read: int
    flags_written: int
    flags_undefined: int
    stack_delta: int | None
    changes_frame: bool
    frame_access: tuple[int, int] | None
    frame_store_size: int
    flow: int


def _flow(instruction: Instruction) -> int:
    """Return how control goes on. A program goes on behind a system call, which is no call of a
    function: the kernel leaves all registers but rax, rcx and r11 as they are."""
    if instruction.mnemonic == Mnemonic.SYSCALL:
        return FlowControl.NEXT
    return instruction.flow_control


@cache
def effects(code: bytes, bits: int) -> Effects:
    """Return the effects of the single instruction with the bytes `code`."""
    instruction = Decoder(bits, code).decode()
    reads: dict[int, int] = {}
    writes: dict[int, int] = {}
    may_read = may_write = 0
    for used in _FACTORY.info(instruction).used_registers():
        number, lanes = _lanes(used.register)
        if number is None:
            continue
        if used.access == OpAccess.COND_READ and instruction.mnemonic == Mnemonic.CPUID:
            # rcx only matters to some leaves: reading it is no fault, but it keeps rcx alive
            may_read |= 1 << number
        elif used.access in _READS:
            reads[number] = reads.get(number, 0) | lanes
        if used.access in _STORES:
            may_write |= 1 << number
        if used.access in _WRITES:
            # writing 32 bits clears the upper half (AMD64 APM vol. 1, 3.1.2)
            written = ALL_LANES if lanes == LANES[4] else lanes
            writes[number] = writes.get(number, 0) | written
    if instruction.mnemonic == Mnemonic.SYSCALL:
        writes[RAX] = ALL_LANES
        may_read |= _GIVEN_TO_CALLS
    if _is_independent_of_old_value(instruction):
        reads = {}
        may_read = 0
    return Effects(
        instruction,
        instruction.mnemonic,
        tuple(reads.items()),
        tuple(writes.items()),
        may_read | sum(1 << number for number in reads),
        may_write,
        sum(1 << number for number, lanes in writes.items() if lanes == ALL_LANES),
        instruction.rflags_read,
        instruction.rflags_written | instruction.rflags_cleared | instruction.rflags_set,
        instruction.rflags_undefined | _meaningless_flags(instruction, writes),
        _stack_delta(instruction, writes),
        RSP in writes or RBP in writes,
        _frame_access(instruction),
        _frame_store_size(instruction),
        _flow(instruction),
    )


@cache
def _lanes(register: Any) -> tuple[int | None, int]:
    """Return the number of the general register that `register` is part of, None if it is of
    another kind, and the lanes that it names."""
    if register in _HIGH_BYTES:
        return _HIGH_BYTES.index(register), 0b0010
    if not RegisterExt.is_gpr(register):
        return None, 0
    whole = RegisterExt.full_register(register)
    return RegisterExt.number(whole), LANES[RegisterExt.size(register)]


def _is_independent_of_old_value(instruction: Instruction) -> bool:
    """Return whether the result does not depend on the old value of the first operand's register:
    `sbb` of a register with itself spreads the carry, `or` with -1 and `and` with 0 are constant.
    """
    if instruction.op0_kind != OpKind.REGISTER or instruction.op1_kind == OpKind.MEMORY:
        return False
    register = instruction.op0_register
    if instruction.op1_kind == OpKind.REGISTER:
        return bool(instruction.mnemonic == Mnemonic.SBB and instruction.op1_register == register)
    absorbing = _ABSORBING.get(instruction.mnemonic)
    every_bit = (1 << 8 * RegisterExt.size(register)) - 1
    return absorbing is not None and not (instruction.immediate(1) ^ absorbing) & every_bit


def _meaningless_flags(instruction: Instruction, writes: dict[int, int]) -> int:
    """Return the flags that say nothing: those of an adjusted stack pointer, and the constant ones
    of `xor(eax, eax)`."""
    if RSP in writes and not instruction.is_stack_instruction:
        return instruction.rflags_written | instruction.rflags_cleared | instruction.rflags_set
    if instruction.rflags_set & RflagsBits.ZF:
        # not CF: `xor` is how a chain of `adc` is begun with no carry
        return RflagsBits.ZF | RflagsBits.SF | RflagsBits.PF | RflagsBits.OF
    return 0


def _stack_delta(instruction: Instruction, writes: dict[int, int]) -> int | None:
    if RSP not in writes:
        return 0
    if instruction.is_stack_instruction:
        return instruction.stack_pointer_increment
    if instruction.mnemonic in (Mnemonic.ADD, Mnemonic.SUB) and _has_immediate(instruction):
        amount = instruction.immediate(1)
        amount -= (amount >> 63) << 64  # iced-x86 gives immediates as unsigned numbers
        return amount if instruction.mnemonic == Mnemonic.ADD else -amount
    return None


def _frame_access(instruction: Instruction) -> tuple[int, int] | None:
    base = _FRAME_BASES.get(instruction.memory_base)
    if base is None:
        return None
    kinds = [instruction.op_kind(number) for number in range(instruction.op_count)]
    # `push` and `call` access the stack too, but by no operand: `stack_delta` tells of them
    addresses_only = OpKind.MEMORY not in kinds or instruction.mnemonic == Mnemonic.LEA
    if addresses_only or instruction.memory_index != IcedRegister.NONE:
        return None
    distance = instruction.memory_displacement
    return base, distance - ((distance >> 63) << 64)


def _frame_store_size(instruction: Instruction) -> int:
    if _frame_access(instruction) is None:
        return 0
    memory = _FACTORY.info(instruction).used_memory()
    return max(
        (MemorySizeExt.size(one.memory_size) for one in memory if one.access in _STORES), default=0
    )


def _has_immediate(instruction: Instruction) -> bool:
    kinds = (OpKind.REGISTER, OpKind.MEMORY)
    return instruction.op_count == 2 and instruction.op1_kind not in kinds
