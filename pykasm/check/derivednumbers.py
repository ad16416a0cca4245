"""What instructions compute from numbers that somebody else chose, and what bounds the results."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from iced_x86 import Mnemonic, OpKind, RegisterExt

from pykasm.check.graph import Node
from pykasm.check.operands import number_of, register_operand
from pykasm.check.valuepath import Value
from pykasm.lang.operands import MemoryOperand

UNBOUNDED, ANY_LOW, BELOW, NOT_NEGATIVE, CHECKED, MAY_WRAP = 1, 2, 4, 8, 16, 32
"""What is known of a number, as a set. Nothing has bounded it above; nothing has shown what it is
at least; a bound was shown as that of a number with a sign, which may be negative; it is not
negative; it counts up to something that the function itself knows; what it was computed from may
have been too large for a register."""

LOW_BITS = {8: 64, 16: 128, 32: 256}
"""Something bounds so many of its low bits, as a number."""

CHOSEN = UNBOUNDED | ANY_LOW
"""What somebody else chose, as it comes."""

_BITS = 64


class Known(NamedTuple):
    """A number that an instruction takes: its `value`, what is known of it, and in how many of the
    low `bits` it may differ from 0."""

    value: Value | None = None
    state: int = 0
    bits: int = _BITS


class Derived(NamedTuple):
    """A number that was computed: what is known of it, the `parts` that somebody else chose, and
    whether a bound of it `bounds_parts` too. `inherits`: it is bounded once they are. `unwrapped`
    is what is known if the parts were not too large; `is_copy`: it is the same number; `is_end`: it
    is a counter, and counts up to the part; `is_distance`: it is how far the part is from a known
    number, so that a bound of it bounds the part, too large or not."""

    state: int
    bits: int
    parts: tuple[Value, ...] = ()
    bounds_parts: bool = True
    inherits: bool = True
    unwrapped: int = 0
    is_copy: bool = False
    is_end: bool = False
    is_distance: bool = False


Knows = Callable[[int | None], Known]

_PLAIN = Known()


def derived(node: Node, knows: Knows) -> tuple[int, Derived] | None:
    """Return the register that an instruction computes into, with what is known of the result;
    None if it computes nothing that is followed. `knows` tells of registers by their numbers."""
    instruction, mnemonic = node.effects.instruction, node.effects.mnemonic
    target = register_operand(instruction, 0)
    if mnemonic in (Mnemonic.DIV, Mnemonic.IDIV) and instruction.op_count == 1:
        return 0, _inherited(knows(0), _width(node))  # the quotient is in rax
    if target is None:
        return None
    mine, theirs = knows(target), _second(node, knows)
    if mnemonic == Mnemonic.LEA:
        base, index = number_of(instruction.memory_base), number_of(instruction.memory_index)
        found = [knows(one) for one in (base, index) if one is not None]
        return target, _sum(found, bool(instruction.memory_displacement), _width(node))
    make = _MAKERS.get(mnemonic)
    if make is None or (make is _extend and not _is_cut(node, theirs)):
        return None
    return target, make(node, mine, theirs)


def _is_cut(node: Node, theirs: Known) -> bool:
    """Return whether an instruction moves a part of a register, or makes a wider number of it."""
    instruction = node.effects.instruction
    is_move = node.effects.mnemonic == Mnemonic.MOV
    cuts = not is_move or theirs.bits > _width(node) or _width(node) < 4 * 8
    return instruction.op1_kind == OpKind.REGISTER and cuts


def _width(node: Node) -> int:
    """Return how many bits an instruction computes."""
    return 8 * int(RegisterExt.size(node.effects.instruction.op0_register)) or _BITS


def _second(node: Node, knows: Knows) -> Known:
    """Return what is known of the second operand of an instruction."""
    instruction = node.effects.instruction
    number = register_operand(instruction, 1)
    if number is not None:
        bits = 8 * int(RegisterExt.size(instruction.op1_register))
        known = knows(number)
        return known._replace(bits=known.bits if known.state else bits)
    is_memory = instruction.op_count > 1 and instruction.op1_kind == OpKind.MEMORY
    size = chosen_size(node) if is_memory else 0
    return Known(None, CHOSEN, 8 * size) if size else _PLAIN


def chosen_size(node: Node) -> int:
    """Return how many bytes an instruction accesses of memory that somebody else filled in."""
    for one in node.line.written:
        if isinstance(one, MemoryOperand):
            declared = one._within.field.type if one._within is not None else one._kind
            if one._kind._untrusted or declared._untrusted:  # also where it is seen as another
                return one._kind._size
    return 0


def _immediate(node: Node) -> int | None:
    instruction = node.effects.instruction
    last = instruction.op_count - 1
    if node.line.references or last < 1:
        return None
    if instruction.op_kind(last) in (OpKind.REGISTER, OpKind.MEMORY):
        return None
    return int(instruction.immediate(last))


def _parts(*known: Known) -> tuple[Value, ...]:
    return tuple(one.value for one in known if one.value is not None and one.state)


def _inherited(one: Known, width: int) -> Derived:
    """Return what is as unbounded as another number, whatever it is."""
    return Derived(one.state & UNBOUNDED, width, _parts(one), bounds_parts=False)


def _sum(known: Sequence[Known], has_number: bool, width: int) -> Derived:
    chosen = [one for one in known if one.state & UNBOUNDED]
    is_low = all(one.state & ANY_LOW for one in known) and bool(known)
    bits = max((one.bits for one in known), default=width)
    state = (UNBOUNDED if chosen else 0) | (ANY_LOW if is_low and not has_number else 0)
    wraps = bool(chosen) and bits >= width and (has_number or len(chosen) > 1)
    return Derived(
        state | (MAY_WRAP if wraps else 0),
        min(width, bits + 1),
        _parts(*known),
        unwrapped=state,
    )


def _add(node: Node, mine: Known, theirs: Known) -> Derived:
    has_number = node.effects.mnemonic == Mnemonic.INC or _immediate(node) is not None
    return _sum([mine] if has_number else [mine, theirs], has_number, _width(node))


def _subtract(node: Node, mine: Known, theirs: Known) -> Derived:
    width = _width(node)
    if theirs.state & UNBOUNDED:
        return Derived(
            CHOSEN | MAY_WRAP, width, _parts(theirs, mine), True, True, mine.state & CHOSEN
        )
    if not mine.state & ANY_LOW:
        return Derived(mine.state & CHOSEN, mine.bits, _parts(mine))
    unwrapped = mine.state & CHOSEN
    return Derived(
        CHOSEN | MAY_WRAP,
        width,
        _parts(mine),
        inherits=False,
        unwrapped=unwrapped,
        is_distance=True,
    )


def _and(node: Node, mine: Known, theirs: Known) -> Derived:
    number, width = _immediate(node), _width(node)
    if number is not None and number >> (width - 1) & 1:
        return Derived(mine.state & CHOSEN, mine.bits, _parts(mine))  # it only rounds down
    both = mine.state & theirs.state & UNBOUNDED if number is None else 0
    is_chosen = bool(mine.state | theirs.state)
    return Derived(both | (ANY_LOW if is_chosen else 0), width, (), bounds_parts=False)


def _or(node: Node, mine: Known, theirs: Known) -> Derived:
    instruction = node.effects.instruction
    if node.effects.mnemonic == Mnemonic.XOR and (
        register_operand(instruction, 0) == register_operand(instruction, 1)
    ):
        return Derived(0, _width(node))
    state = (mine.state | theirs.state) & UNBOUNDED | (mine.state & ANY_LOW)
    is_or = node.effects.mnemonic == Mnemonic.OR
    return Derived(state, _width(node), _parts(mine, theirs), bounds_parts=is_or)


def _shift_left(node: Node, mine: Known, theirs: Known) -> Derived:
    number, width = _immediate(node), _width(node)
    wraps = number is None or mine.bits + number > width
    state = mine.state & CHOSEN
    return Derived(
        state | (MAY_WRAP if wraps and state & UNBOUNDED else 0),
        width if number is None else min(width, mine.bits + number),
        _parts(mine),
        unwrapped=state,
    )


def _shift_right(node: Node, mine: Known, theirs: Known) -> Derived:
    state = mine.state & UNBOUNDED | (ANY_LOW if mine.state else 0)
    bits = min(mine.bits, _width(node)) - (_immediate(node) or 0)
    return Derived(state, max(bits, 0), _parts(mine))


def _multiply(node: Node, mine: Known, theirs: Known) -> Derived:
    width, number = _width(node), _immediate(node)
    known = [theirs] if number is not None else [mine, theirs]
    chosen = [one for one in known if one.state & UNBOUNDED]
    bits = sum(one.bits for one in known) + (number.bit_length() if number is not None else 0)
    state = UNBOUNDED if chosen else 0
    low = ANY_LOW if any(one.state & ANY_LOW for one in known) else 0
    wraps = MAY_WRAP if chosen and bits > width else 0
    return Derived(state | low | wraps, min(bits, width), _parts(*known), unwrapped=state | low)


def _negate(node: Node, mine: Known, theirs: Known) -> Derived:
    return _inherited(mine, _width(node))


def _extend(node: Node, mine: Known, theirs: Known) -> Derived:
    """Return what is the low part of a number."""
    size = 8 * int(RegisterExt.size(node.effects.instruction.op1_register))
    bits = min(size, theirs.bits)
    has_sign = node.effects.mnemonic in (Mnemonic.MOVSX, Mnemonic.MOVSXD)
    width = _width(node) if has_sign and bits >= size else bits
    is_whole = theirs.bits <= size
    state = theirs.state & CHOSEN
    if any(theirs.state & flag for part, flag in LOW_BITS.items() if part >= size):
        state &= ~UNBOUNDED
    return Derived(state, width, _parts(theirs), is_whole, is_copy=is_whole)


def _turn(node: Node, mine: Known, theirs: Known) -> Derived:
    """Return what has the bytes of a number in another order."""
    return Derived(mine.state & CHOSEN, _width(node), _parts(mine), bounds_parts=False)


_Maker = Callable[[Node, Known, Known], Derived]

_MAKERS: dict[int, _Maker] = {
    **dict.fromkeys((Mnemonic.ADD, Mnemonic.INC), _add),
    **dict.fromkeys((Mnemonic.SUB, Mnemonic.DEC), _subtract),
    Mnemonic.AND: _and,
    **dict.fromkeys((Mnemonic.OR, Mnemonic.XOR), _or),
    Mnemonic.SHL: _shift_left,
    **dict.fromkeys((Mnemonic.SHR, Mnemonic.SAR), _shift_right),
    Mnemonic.IMUL: _multiply,
    **dict.fromkeys((Mnemonic.NEG, Mnemonic.NOT), _negate),
    **dict.fromkeys((Mnemonic.MOV, Mnemonic.MOVZX, Mnemonic.MOVSX, Mnemonic.MOVSXD), _extend),
    **dict.fromkeys((Mnemonic.BSWAP, Mnemonic.ROL, Mnemonic.ROR), _turn),
}
