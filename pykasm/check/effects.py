"""What an instruction does to registers, flags and the stack pointer, read off its bytes.

The effects come from decoding the emitted bytes, never from what the language believes that it
emitted.
"""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

from iced_x86 import (
    Decoder,
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

WHOLE = 0b1111
"""A register's parts as bits: byte 0, byte 1, bytes 2 and 3, bytes 4 to 7."""

PARTS = {1: 0b0001, 2: 0b0011, 4: 0b0111, 8: WHOLE}
"""The parts that the low bytes of a register take, by how many they are."""

STATUS_FLAGS = (
    RflagsBits.CF | RflagsBits.PF | RflagsBits.AF | RflagsBits.ZF | RflagsBits.SF | RflagsBits.OF
)
"""The flags that tell of a result (AMD64 APM vol. 1, 3.1.4)."""

_HIGH_BYTES = (IcedRegister.AH, IcedRegister.CH, IcedRegister.DH, IcedRegister.BH)
_READS = {OpAccess.READ, OpAccess.COND_READ, OpAccess.READ_WRITE, OpAccess.READ_COND_WRITE}
_WRITES = {OpAccess.WRITE, OpAccess.READ_WRITE}
_STORES = {*_WRITES, OpAccess.COND_WRITE, OpAccess.READ_COND_WRITE}

_FRAME_BASES: dict[int, int] = {IcedRegister.RSP: RSP, IcedRegister.RBP: RBP}

_WINS: dict[int, int] = {Mnemonic.AND: 0, Mnemonic.OR: -1}
"""The number with which an instruction gives that number, whatever a register held."""

_FACTORY = InstructionInfoFactory()


class Effects(NamedTuple):
    """The effects of an instruction.

    `reads` and `writes` pair the numbers of general registers with bits of `WHOLE`; a register
    that is only written under a condition is not in `writes`. `may_read` are the registers, as a
    bit set by number, that some use of the instruction reads (cpuid's rcx too), `kills` those whose
    old value is gone after it. Flags are bits of iced-x86's `RflagsBits`; those whose value says
    nothing count as undefined too. `stack_delta` is what the instruction adds to rsp, None where
    that depends on data; `changes_frame` is whether it writes rsp or rbp at all. `frame_access` is
    the register, rsp or rbp, and the distance from it of the memory that it reads or writes,
    `frame_stored` how many bytes it writes there.
    """

    instruction: Instruction
    mnemonic: int
    reads: tuple[tuple[int, int], ...]
    writes: tuple[tuple[int, int], ...]
    may_read: int
    kills: int
    flags_read: int
    flags_written: int
    flags_undefined: int
    stack_delta: int | None
    changes_frame: bool
    frame_access: tuple[int, int] | None
    frame_stored: int
    flow: int


@cache
def effects(code: bytes, bits: int) -> Effects:
    """The effects of the one instruction `code`."""
    instruction = Decoder(bits, code).decode()
    reads: dict[int, int] = {}
    writes: dict[int, int] = {}
    may_read = 0
    for used in _FACTORY.info(instruction).used_registers():
        number, parts = _parts(used.register)
        if number is None:
            continue
        if used.access == OpAccess.COND_READ and instruction.mnemonic == Mnemonic.CPUID:
            may_read |= 1 << number
        elif used.access in _READS:
            reads[number] = reads.get(number, 0) | parts
        if used.access in _WRITES:
            whole = WHOLE if parts == PARTS[4] else parts  # writing 32 bits clears the rest
            writes[number] = writes.get(number, 0) | whole
    if _ignores_old_value(instruction):
        reads = {}
        may_read = 0
    return Effects(
        instruction,
        instruction.mnemonic,
        tuple(reads.items()),
        tuple(writes.items()),
        may_read | sum(1 << number for number in reads),
        sum(1 << number for number, parts in writes.items() if parts == WHOLE),
        instruction.rflags_read,
        instruction.rflags_written | instruction.rflags_cleared | instruction.rflags_set,
        instruction.rflags_undefined | _flags_without_meaning(instruction, writes),
        _stack_movement(instruction, writes),
        RSP in writes or RBP in writes,
        _frame_access(instruction),
        _frame_stored(instruction),
        instruction.flow_control,
    )


@cache
def _parts(register: Any) -> tuple[int | None, int]:
    """The number of a general register and the bits of the part that `register` names."""
    if register in _HIGH_BYTES:
        return _HIGH_BYTES.index(register), 0b0010
    if not RegisterExt.is_gpr(register):
        return None, 0
    whole = RegisterExt.full_register(register)
    return RegisterExt.number(whole), PARTS[RegisterExt.size(register)]


def _ignores_old_value(instruction: Instruction) -> bool:
    """Whether the result does not depend on what the register of the first operand held: `sbb` of
    a register with itself spreads the carry, `or` with -1 and `and` with 0 give those numbers."""
    if instruction.op0_kind != OpKind.REGISTER or instruction.op1_kind == OpKind.MEMORY:
        return False
    register = instruction.op0_register
    if instruction.op1_kind == OpKind.REGISTER:
        return bool(instruction.mnemonic == Mnemonic.SBB and instruction.op1_register == register)
    wins = _WINS.get(instruction.mnemonic)
    every_bit = (1 << 8 * RegisterExt.size(register)) - 1
    return wins is not None and instruction.immediate(1) & every_bit == wins & every_bit


def _flags_without_meaning(instruction: Instruction, writes: dict[int, int]) -> int:
    """Flags that say nothing: those of a moved stack, and of `xor(eax, eax)`, which never vary."""
    if RSP in writes and not instruction.is_stack_instruction:
        return instruction.rflags_written | instruction.rflags_cleared | instruction.rflags_set
    if instruction.rflags_set & RflagsBits.ZF:
        return RflagsBits.ZF | RflagsBits.SF | RflagsBits.PF | RflagsBits.OF  # CF starts a carry
    return 0


def _stack_movement(instruction: Instruction, writes: dict[int, int]) -> int | None:
    if RSP not in writes:
        return 0
    if instruction.is_stack_instruction:
        return instruction.stack_pointer_increment
    if instruction.mnemonic in (Mnemonic.ADD, Mnemonic.SUB) and _has_immediate(instruction):
        amount = instruction.immediate(1)
        amount -= (amount >> 63) << 64  # iced-x86 gives immediates without their sign
        return amount if instruction.mnemonic == Mnemonic.ADD else -amount
    return None


def _frame_access(instruction: Instruction) -> tuple[int, int] | None:
    base = _FRAME_BASES.get(instruction.memory_base)
    if base is None:
        return None
    kinds = [instruction.op_kind(number) for number in range(instruction.op_count)]
    addresses_only = OpKind.MEMORY not in kinds or instruction.mnemonic == Mnemonic.LEA
    if addresses_only or instruction.memory_index != IcedRegister.NONE:
        return None
    distance = instruction.memory_displacement
    return base, distance - ((distance >> 63) << 64)


def _frame_stored(instruction: Instruction) -> int:
    if _frame_access(instruction) is None:
        return 0
    memory = _FACTORY.info(instruction).used_memory()
    return max(
        (MemorySizeExt.size(one.memory_size) for one in memory if one.access in _STORES), default=0
    )


def _has_immediate(instruction: Instruction) -> bool:
    kinds = (OpKind.REGISTER, OpKind.MEMORY)
    return instruction.op_count == 2 and instruction.op1_kind not in kinds
