"""Value-range analysis: between which numbers the value of each register lies.

A forward analysis with intervals. Where a comparison with a constant is branched on, each way
learns from it. Intervals would grow round by round in a loop, so from the third round on they are
widened to the next constant that the function compares with: they find the bound that the loop is
left by.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

from iced_x86 import ConditionCode, FlowControl, Instruction, Mnemonic, OpKind, RegisterExt

from pykasm.check.graph import Node

TOP = (1 << 64) - 1
"""The largest number of a register."""

ROUNDS_BEFORE_WIDENING = 3
"""Rounds in which an interval may grow by itself before it is widened."""


class Range(NamedTuple):
    """An interval, of unsigned numbers. `stated` says that constants of the code bound it above;
    otherwise the end is only what a register can hold."""

    low: int
    high: int
    stated: bool = True

    def join(self, other: Range) -> Range:
        """Return what is known where two paths meet."""
        larger = max(self, other, key=lambda one: (one.high, not one.stated))
        return Range(min(self.low, other.low), larger.high, larger.stated)

    def moved(self, distance: int) -> Range:
        """Return the interval of the sums with `distance`; any number if they may wrap."""
        low, high = self.low + distance, self.high + distance
        return Range(low, high, self.stated) if low >= 0 and high <= TOP else ANY


ANY = Range(0, TOP, stated=False)


class Compared(NamedTuple):
    """The flags tell how the register of this `number` compares with a constant."""

    number: int
    constant: int


class State(NamedTuple):
    """The ranges of registers by their numbers; of others, nothing is known."""

    ranges: Mapping[int, Range]
    compared: Compared | None = None

    def range(self, number: int) -> Range:
        """Return that of one register."""
        return self.ranges.get(number, ANY)


class RangeFlow:
    """The ranges before each instruction. `changed` returns the registers that a call changes."""

    def __init__(self, nodes: Sequence[Node], changed: Callable[[Node], Collection[int]]) -> None:
        self._nodes = nodes
        self._changed = changed
        self._limits = _limits(nodes)
        self._rounds: dict[int, int] = {}
        self.states: dict[int, State] = {}
        self._solve()

    def successors(self, index: int) -> set[int]:
        """Return where an instruction can go on."""
        state = self.states.get(index)
        return set() if state is None else {one for one, _ in self._leaving(index, state)}

    def _solve(self) -> None:
        worklist = [(0, State({}))] if self._nodes else []
        while worklist:
            index, arriving = worklist.pop()
            known = self.states.get(index)
            state = arriving if known is None else self._joined(index, known, arriving)
            if state != known:
                self.states[index] = state
                worklist += self._leaving(index, state)

    def _joined(self, index: int, known: State, arriving: State) -> State:
        rounds = self._rounds[index] = self._rounds.get(index, 0) + 1
        ranges = {}
        for number in known.ranges.keys() & arriving.ranges.keys():
            old = known.ranges[number]
            new = old.join(arriving.ranges[number])
            ranges[number] = self._widened(old, new) if rounds > ROUNDS_BEFORE_WIDENING else new
        compared = known.compared if known.compared == arriving.compared else None
        return State(ranges, compared)

    def _widened(self, old: Range, new: Range) -> Range:
        """Return `new` with the ends that have grown moved on to the next limits."""
        low, high, stated = new
        if low != old.low:
            at = bisect_right(self._limits, low)
            low = self._limits[at - 1] if at else 0
        if high != old.high:
            at = bisect_left(self._limits, high)
            high, stated = (self._limits[at], stated) if at < len(self._limits) else (TOP, False)
        return Range(low, high, stated)

    def _leaving(self, index: int, state: State) -> Iterator[tuple[int, State]]:
        """Yield the successors of an instruction with the states on the ways there."""
        node = self._nodes[index]
        after = self._transfer(node, state)
        for successor in node.successors:
            along: State | None = after
            if node.effects.flow == FlowControl.CONDITIONAL_BRANCH and after.compared is not None:
                along = _along(node, after, after.compared, taken=successor != index + 1)
            if along is not None:
                yield successor, along

    def _transfer(self, node: Node, state: State) -> State:
        """Return the state after an instruction."""
        effects = node.effects
        if node.is_call:
            changed = self._changed(node)
            return State({n: one for n, one in state.ranges.items() if n not in changed})
        compared = state.compared
        if effects.flags_written or effects.flags_undefined:
            compared = _comparison(effects.instruction)
        if not effects.may_write:
            return State(state.ranges, compared)
        if compared is not None and effects.may_write >> compared.number & 1:
            compared = None
        ranges = {n: one for n, one in state.ranges.items() if not effects.may_write >> n & 1}
        target = _whole_register(effects.instruction)
        if target is not None and effects.may_write == 1 << target:
            found = _computed(effects.instruction, target, state)
            if found != ANY:
                ranges[target] = found
        return State(ranges, compared)


def _limits(nodes: Sequence[Node]) -> list[int]:
    """Return the constants that a function compares with, and those beside them, in order."""
    found = {
        one.constant + distance
        for node in nodes
        if (one := _comparison(node.effects.instruction)) is not None
        for distance in (-1, 0, 1)
    }
    return sorted(one for one in found if 0 <= one <= TOP)


def _register(instruction: Instruction, operand: int) -> int | None:
    """Return the number of the register of 32 or 64 bits that is an operand."""
    if instruction.op_kind(operand) != OpKind.REGISTER:
        return None
    register = instruction.op_register(operand)
    is_wide = RegisterExt.is_gpr(register) and RegisterExt.size(register) >= 4
    return int(RegisterExt.number(register)) if is_wide else None


def _whole_register(instruction: Instruction) -> int | None:
    """Return the register that an instruction writes whole; writing 32 bits clears the others."""
    return _register(instruction, 0) if instruction.op_count else None


def _constant(instruction: Instruction, operand: int) -> int | None:
    """Return the number that is an operand, as the instruction takes it."""
    if instruction.op_kind(operand) in (OpKind.REGISTER, OpKind.MEMORY):
        return None
    width = 8 * RegisterExt.size(instruction.op0_register)
    return int(instruction.immediate(operand)) & ((1 << width) - 1)


def _comparison(instruction: Instruction) -> Compared | None:
    """Return what an instruction compares with a constant."""
    if instruction.mnemonic not in (Mnemonic.CMP, Mnemonic.TEST):
        return None
    number = _register(instruction, 0)
    if number is None:
        return None
    if instruction.mnemonic == Mnemonic.TEST:
        same = instruction.op1_register == instruction.op0_register
        return Compared(number, 0) if same else None
    constant = _constant(instruction, 1)
    return None if constant is None else Compared(number, constant)


def _computed(instruction: Instruction, target: int, state: State) -> Range:
    """Return the range of what an instruction leaves in the register `target`."""
    mnemonic, old = instruction.mnemonic, state.range(target)
    if mnemonic == Mnemonic.INC:
        return old.moved(1)
    if mnemonic == Mnemonic.DEC:
        return old.moved(-1)
    if instruction.op_count != 2:
        return ANY
    constant, source = _constant(instruction, 1), _register(instruction, 1)
    if mnemonic == Mnemonic.MOV and source is not None:
        whole = RegisterExt.size(instruction.op0_register) == 8
        found = state.range(source)
        return found if whole or found.high < 1 << 32 else ANY
    if mnemonic == Mnemonic.XOR:
        return Range(0, 0) if source == target else ANY
    return ANY if constant is None else _with_constant(mnemonic, old, constant)


def _with_constant(mnemonic: int, old: Range, constant: int) -> Range:
    """Return the range of what `mnemonic` makes of a number in the range `old` and a constant."""
    if mnemonic == Mnemonic.MOV:
        return Range(constant, constant)
    if mnemonic == Mnemonic.ADD:
        return old.moved(constant)
    if mnemonic == Mnemonic.SUB:
        return old.moved(-constant)
    if mnemonic == Mnemonic.AND:
        return Range(0, min(old.high, constant))
    if mnemonic == Mnemonic.SHR:
        return Range(old.low >> constant, old.high >> constant, old.stated)
    return ANY


_UPPER = {
    (ConditionCode.B, True): -1,
    (ConditionCode.AE, False): -1,
    (ConditionCode.BE, True): 0,
    (ConditionCode.A, False): 0,
}
"""What is added to the constant for the largest number, by the condition and whether it holds."""

_LOWER = {
    (ConditionCode.AE, True): 0,
    (ConditionCode.B, False): 0,
    (ConditionCode.A, True): 1,
    (ConditionCode.BE, False): 1,
}
"""What is added to the constant for the least number, likewise."""


def _along(node: Node, state: State, compared: Compared, taken: bool) -> State | None:
    """Return the state on one way out of a branch; None if it is never gone."""
    condition, constant = node.effects.instruction.condition_code, compared.constant
    low, high, stated = state.range(compared.number)
    equal = {ConditionCode.E: taken, ConditionCode.NE: not taken}.get(condition)
    if equal:
        low, high, stated = max(low, constant), min(high, constant), True
    elif equal is False:
        low, high = low + (low == constant), high - (high == constant)
    elif (condition, taken) in _UPPER:
        bound = constant + _UPPER[condition, taken]
        high, stated = (bound, True) if bound <= high else (high, stated)
    elif (condition, taken) in _LOWER:
        low = max(low, constant + _LOWER[condition, taken])
    if low > high:
        return None
    known = Range(low, high, stated)
    return State({**state.ranges, compared.number: known}, state.compared)
