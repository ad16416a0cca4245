"""Numbers that registers hold on a path through code without a frame, such as an entry's."""

from __future__ import annotations

from iced_x86 import Mnemonic, OpKind

from pykasm.check.graph import Node
from pykasm.check.registerflow import CLOBBERED, SAVED

Constants = frozenset[tuple[int, int]]
"""Registers by their numbers, with what they hold."""

NOTHING: Constants = frozenset()

RCX = 1
"""The register that names an MSR (AMD64 APM vol. 3, RDMSR)."""

_NOTES = (0, 1)
"""What entries write down in registers that calls keep: only these are followed, as each number
makes a path of its own."""


def after(node: Node, before: Constants) -> Constants:
    """What registers hold after an instruction."""
    if node.is_call:
        return frozenset(one for one in before if one[0] not in CLOBBERED)
    written = [number for number, _ in node.effects.writes]
    if not written:
        return before
    kept = frozenset(one for one in before if one[0] not in written)
    value = _loaded(node)
    if value is None or not (written[0] == RCX or (written[0] in SAVED and value in _NOTES)):
        return kept
    return kept | {(written[0], value)}


def _loaded(node: Node) -> int | None:
    """The number that the instruction loads into its register."""
    instruction = node.effects.instruction
    if instruction.op_count != 2 or instruction.op0_kind != OpKind.REGISTER:
        return None
    if node.effects.mnemonic == Mnemonic.XOR:
        same = instruction.op1_kind == OpKind.REGISTER
        return 0 if same and instruction.op0_register == instruction.op1_register else None
    immediate = instruction.op1_kind not in (OpKind.REGISTER, OpKind.MEMORY)
    return instruction.immediate(1) if node.effects.mnemonic == Mnemonic.MOV and immediate else None


def is_zero(node: Node, constants: Constants) -> bool | None:
    """Whether `test register, register` finds 0; None where that is not known."""
    instruction = node.effects.instruction
    registers = instruction.op0_kind == instruction.op1_kind == OpKind.REGISTER
    if node.effects.mnemonic != Mnemonic.TEST or not registers:
        return None
    reads = {number for number, _ in node.effects.reads}
    known = [value for number, value in constants if {number} == reads]
    return known[0] == 0 if known else None
