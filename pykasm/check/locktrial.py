"""A lock that a call may have taken, until a test of its result tells."""

from __future__ import annotations

from typing import NamedTuple

from iced_x86 import Instruction, Mnemonic, OpKind

from pykasm.check.convention import CALLER_SAVED, RESULTS
from pykasm.check.graph import Node
from pykasm.check.operands import register_operand

_MOVES = (Mnemonic.MOV, Mnemonic.MOVZX, Mnemonic.MOVSX, Mnemonic.MOVSXD)

_FINDS: dict[int, tuple[bool | None, bool | None]] = {
    Mnemonic.JE: (True, False),
    Mnemonic.JNE: (False, True),
    Mnemonic.JL: (False, None),
    Mnemonic.JS: (False, None),
    Mnemonic.JGE: (None, False),
    Mnemonic.JNS: (None, False),
}
"""Whether a result is 0 where the branch behind its test is taken, and where it is not; None: it is
0 or above."""


class Trial(NamedTuple):
    """A call may have taken `lock`: its result, which is in `registers`, is 0 then if `on_zero`,
    else it is not. `tested`: the flags tell of it."""

    lock: str
    on_zero: bool
    registers: frozenset[int] = frozenset(RESULTS[:1])
    tested: bool = False

    def after(self, node: Node) -> Trial | None:
        """Return what is known after an instruction; None if the result is nowhere any more."""
        effects = node.effects
        changed = CALLER_SAVED if node.is_call else [number for number, _ in effects.writes]
        registers = self.registers.difference(changed)
        if effects.mnemonic in _MOVES and self._has(effects.instruction, 1):
            target = register_operand(effects.instruction, 0)
            registers |= frozenset([target] if target is not None else [])
        tested = self.tested
        if effects.flags_written or effects.flags_undefined:
            tested = self._is_test(effects.instruction)
        return self._replace(registers=registers, tested=tested) if registers or tested else None

    def _has(self, instruction: Instruction, operand: int) -> bool:
        return register_operand(instruction, operand) in self.registers

    def _is_test(self, instruction: Instruction) -> bool:
        """Return whether an instruction compares the result with 0."""
        if not self._has(instruction, 0):
            return False
        if instruction.mnemonic == Mnemonic.TEST:
            return self._has(instruction, 1)
        is_number = instruction.op1_kind not in (OpKind.REGISTER, OpKind.MEMORY)
        return instruction.mnemonic == Mnemonic.CMP and is_number and not instruction.immediate(1)

    def is_taken(self, node: Node, is_next: bool) -> bool | None:
        """Return whether the lock is held behind a branch, at the next instruction if `is_next`;
        None if nothing tells."""
        if not self.tested or node.effects.mnemonic not in _FINDS:
            return None
        is_zero = _FINDS[node.effects.mnemonic][is_next]
        if is_zero is None:
            return True if self.on_zero else None
        return is_zero == self.on_zero
