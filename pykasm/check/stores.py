"""How far instructions store behind the beginning of a datum or a local."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from iced_x86 import MemorySizeExt, Mnemonic, OpKind
from iced_x86 import Register as IcedRegister

from pykasm.check.build import FunctionAnalysis
from pykasm.check.dataflow import writes_memory
from pykasm.check.effects import RBP
from pykasm.check.graph import Node
from pykasm.check.operands import number_of, register_operand
from pykasm.check.ranges import RangeFlow
from pykasm.isa.statement import Address

RCX, RDI = 1, 7
"""The registers with the count and the target of string instructions (AMD64 APM vol. 3, 1.2.2)."""

_STORING_STRINGS = (
    *(Mnemonic.MOVSB, Mnemonic.MOVSW, Mnemonic.MOVSD, Mnemonic.MOVSQ),
    *(Mnemonic.STOSB, Mnemonic.STOSW, Mnemonic.STOSD, Mnemonic.STOSQ),
)


class TooFar(NamedTuple):
    """The instruction `at` stores up to byte `end` of `name`, which has `size` of them."""

    at: int
    name: str
    size: int
    end: int


def stores_too_far(function: FunctionAnalysis) -> Iterator[TooFar]:
    """Yield the stores that go past the end of a datum or a local, so far as that is known."""
    ranges = None
    for index, node in enumerate(function.graph.nodes):
        instruction = node.effects.instruction
        if node.effects.mnemonic in _STORING_STRINGS and instruction.has_rep_prefix:
            ranges = ranges or RangeFlow(function.graph.nodes, function.changed_by)
            yield from _repeated(function, ranges, index, node)
        elif instruction.op0_kind == OpKind.MEMORY and instruction.memory_index == _NONE:
            yield from _single(function, index, node)


_NONE = IcedRegister.NONE


def _single(function: FunctionAnalysis, index: int, node: Node) -> Iterator[TooFar]:
    """Yield a store of one instruction behind the end of what has its first byte."""
    size = next((one.size for one in node.line.statement.operands if isinstance(one, Address)), 0)
    found = _place(function, node)
    if found is not None and size and writes_memory(node):
        name, whole, start = found
        if 0 <= start < whole < start + size:
            yield TooFar(index, name, whole, start + size)


def _repeated(
    function: FunctionAnalysis, ranges: RangeFlow, index: int, node: Node
) -> Iterator[TooFar]:
    """Yield a repeated store that a bound of its count lets go past the end."""
    state = ranges.states.get(index)
    made = _address(function, index)
    found = _place(function, made) if made is not None else None
    if state is None or found is None:
        return
    low, high, stated = state.range(RCX)
    unit = MemorySizeExt.size(node.effects.instruction.memory_size)
    name, whole, start = found
    if 0 <= start < whole and (
        (stated and start + high * unit > whole) or start + low * unit > whole
    ):
        yield TooFar(index, name, whole, start + high * unit)


def _address(function: FunctionAnalysis, index: int) -> Node | None:
    """Return the `lea` in the straight code before that makes the target of a string store."""
    nodes = function.graph.nodes
    start = max(one for one in function.graph.blocks if one <= index)
    number = RDI
    for at in range(index - 1, start - 1, -1):
        node = nodes[at]
        if node.is_call:
            return None
        if node.effects.may_write >> number & 1:
            source = register_operand(node.effects.instruction, 1)
            if node.effects.mnemonic == Mnemonic.LEA:
                return node if node.effects.instruction.memory_index == _NONE else None
            if node.effects.mnemonic != Mnemonic.MOV or source is None:
                return None
            number = source
    return None


def _place(function: FunctionAnalysis, node: Node) -> tuple[str, int, int] | None:
    """Return the name and the size of the datum or local that an instruction's memory operand lies
    in, and where it begins there."""
    operands = node.line.statement.operands
    for one in node.line.references:
        datum = function.build.data.get(one.target) if isinstance(one.target, str) else None
        if datum is not None and isinstance(operands[one.operand], Address):
            return datum._symbol, datum._kind._size, one.addend
    instruction = node.effects.instruction
    if number_of(instruction.memory_base) == RBP and function.is_framed:
        distance = int(instruction.memory_displacement)
        distance -= (distance >> 63) << 64
        for local in function.routine.locals:
            start = distance - local._displacement
            if 0 <= start < local._kind._size:
                return local._name, local._kind._size, start
    return None
