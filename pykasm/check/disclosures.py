"""Locals whose bytes are shown to somebody else, such as a program, that nobody has written."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from iced_x86 import Mnemonic, OpKind
from iced_x86 import Register as IcedRegister

from pykasm.check.build import FunctionAnalysis
from pykasm.check.graph import Node
from pykasm.check.localflow import LocalFlow
from pykasm.check.operands import register_operand
from pykasm.lang.convention import Signature
from pykasm.lang.operands import MemoryOperand


class Disclosure(NamedTuple):
    """The call `at` shows bytes of `local`, of which the one at `offset` may not be written:
    `writers` are the instructions that may write it."""

    at: int
    local: MemoryOperand
    offset: int
    writers: set[int]


def disclosures(function: FunctionAnalysis) -> Iterator[Disclosure]:
    """Yield the calls that show bytes of locals which are not sure to be written."""
    flow = None
    for index, node in enumerate(function.graph.nodes):
        callee = function.build.callees.get(node.callee or "")
        shown = _shown(callee.signature) if callee is not None and callee.signature else None
        if shown is None:
            continue
        made, length = _maker(function, index, shown[0]), _number(function, index, shown[1])
        if made is None or length is None:
            continue
        flow = flow or LocalFlow(function.graph.nodes, function.routine.locals)
        found = flow.first_unwritten(made, length)
        if found is not None:
            yield Disclosure(index, *found)


def _shown(signature: Signature) -> tuple[int, int] | None:
    """Return the registers of the address and of the number of bytes that a function shows."""
    parameters = [one for one in signature.parameters if one.register is not None]
    for first, second in pairwise(parameters):
        if first.type._disclosed and first.register is not None and second.register is not None:
            return first.register.number, second.register.number
    return None


def _maker(function: FunctionAnalysis, index: int, number: int) -> int | None:
    """Return the `lea` in the straight code before a call that puts the address of a local into a
    register."""
    for at, node in _before(function, index):
        if node.effects.may_write >> number & 1:
            instruction = node.effects.instruction
            source = register_operand(instruction, 1)
            is_local = instruction.memory_base == IcedRegister.RBP
            is_whole = instruction.memory_index == IcedRegister.NONE
            if node.effects.mnemonic == Mnemonic.LEA:
                return at if is_local and is_whole else None
            if node.effects.mnemonic != Mnemonic.MOV or source is None:
                return None
            number = source
    return None


def _number(function: FunctionAnalysis, index: int, number: int) -> int | None:
    """Return the number that the straight code before a call puts into a register."""
    for _, node in _before(function, index):
        if node.effects.may_write >> number & 1:
            instruction = node.effects.instruction
            is_number = instruction.op1_kind not in (OpKind.REGISTER, OpKind.MEMORY)
            is_move = node.effects.mnemonic == Mnemonic.MOV and is_number
            return int(instruction.immediate(1)) if is_move else None
    return None


def _before(function: FunctionAnalysis, index: int) -> Iterator[tuple[int, Node]]:
    """Yield the instructions of the straight code before one, back to a call."""
    start = max(one for one in function.graph.blocks if one <= index)
    for at in range(index - 1, start - 1, -1):
        node = function.graph.nodes[at]
        if node.is_call:
            return
        yield at, node
