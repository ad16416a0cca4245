"""Constant propagation along one path, for the few constants that code without a frame, such as an
interrupt's entry, decides by."""

from __future__ import annotations

from iced_x86 import Mnemonic, OpKind

from pykasm.check.convention import CALLEE_SAVED, CALLER_SAVED
from pykasm.check.graph import Node

Constants = frozenset[tuple[int, int]]
"""Numbers of registers with the constants that they hold."""

NOTHING: Constants = frozenset()

RCX = 1
"""The register that names an MSR (AMD64 APM vol. 3, RDMSR)."""

_FLAGS = (0, 1)
"""What entries note in callee-saved registers. No other constants are tracked there, as each makes
a path of its own."""


def transfer(node: Node, before: Constants) -> Constants:
    """Return what registers hold after an instruction."""
    if node.is_call:
        return frozenset(one for one in before if one[0] not in CALLER_SAVED)
    written = [number for number, _ in node.effects.writes]
    if not written:
        return before
    kept = frozenset(one for one in before if one[0] not in written)
    value = _loaded(node)
    is_flag = written[0] in CALLEE_SAVED and value in _FLAGS
    if value is None or not (written[0] == RCX or is_flag):
        return kept
    return kept | {(written[0], value)}


def _loaded(node: Node) -> int | None:
    """Return the constant that the instruction loads into its register."""
    instruction = node.effects.instruction
    if instruction.op_count != 2 or instruction.op0_kind != OpKind.REGISTER:
        return None
    if node.effects.mnemonic == Mnemonic.XOR:
        same = instruction.op1_kind == OpKind.REGISTER
        return 0 if same and instruction.op0_register == instruction.op1_register else None
    immediate = instruction.op1_kind not in (OpKind.REGISTER, OpKind.MEMORY)
    return instruction.immediate(1) if node.effects.mnemonic == Mnemonic.MOV and immediate else None


def is_zero(node: Node, constants: Constants) -> bool | None:
    """Return whether `test register, register` finds 0; None where that is not known."""
    instruction = node.effects.instruction
    registers = instruction.op0_kind == instruction.op1_kind == OpKind.REGISTER
    if node.effects.mnemonic != Mnemonic.TEST or not registers:
        return None
    reads = {number for number, _ in node.effects.reads}
    known = [value for number, value in constants if {number} == reads]
    return known[0] == 0 if known else None
