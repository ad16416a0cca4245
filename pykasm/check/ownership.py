"""Who owns what on the paths through a function."""

from __future__ import annotations

from typing import NamedTuple

from iced_x86 import Mnemonic

from pykasm.check.build import FunctionAnalysis
from pykasm.check.convention import RESULTS
from pykasm.check.graph import Node
from pykasm.check.said import said
from pykasm.check.valueflow import ValueFlow, number_of
from pykasm.check.valuepath import AT_ENTRY, NEGATIVE, PART, WIDE, ZERO, Path, Value
from pykasm.isa.code import Line
from pykasm.lang.builder import OwnedPlace
from pykasm.lang.operands import MemoryOperand

OWNED, GONE = 1, 2
"""The function owns what the value leads to, if that is not null; it gave it away."""


class Lost(NamedTuple):
    """What `value` leads to is lost at the instruction `at`, where the function is left if
    `is_exit`; `is_result` if it is returned."""

    value: Value
    at: int
    is_exit: bool
    is_result: bool = False


class UsedAfter(NamedTuple):
    """The instruction `at` uses `value`, which the call at `given` gave away; `again` if that gives
    it away once more."""

    value: Value
    at: int
    given: int
    again: bool


class OwnershipFlow(ValueFlow):
    """Follows what a function owns and what it gave away."""

    def __init__(self, function: FunctionAnalysis) -> None:
        super().__init__(function)
        self.lost: dict[tuple[Value, int], Lost] = {}
        self.used: dict[int, UsedAfter] = {}
        self._given: dict[Value, int] = {}
        self._signed: set[tuple[int, int]] = set()
        """What is no failure only if it is not below 0, by what made it."""
        self._disowned = said(function.routine, "disown")

    def enter(self, path: Path) -> None:
        """Own the parameters that the function takes over."""
        for one in self.function.routine.signature.parameters:
            if one.type._owned and one.register is not None:
                path.states[Value(AT_ENTRY, one.register.number)] = OWNED

    def use(self, index: int, node: Node, path: Path) -> None:
        """Check the addresses that an instruction goes by."""
        for number in self._disowned.get(index, ()):
            value = path.values.get(number)
            if value is not None:
                path.states.pop(value, None)
                path.states.pop(value.whole, None)
        if not path.states or node.effects.mnemonic == Mnemonic.LEA:
            return
        instruction = node.effects.instruction
        for register in (instruction.memory_base, instruction.memory_index):
            base = number_of(register)
            if base is not None:
                self._check(index, path, base)

    def _check(self, index: int, path: Path, number: int, again: bool = False) -> bool:
        """Find the use of what was given away, in a register."""
        value = path.values.get(number)
        if value is None:
            return False
        gone = value if path.states.get(value) == GONE else value.whole
        if path.states.get(gone) != GONE or (gone is not value and value.nearness != PART):
            return False
        self.used.setdefault(index, UsedAfter(gone, index, self._given[gone], again))
        return True

    def call(self, index: int, node: Node, path: Path) -> None:
        """Check the arguments, and give those away that the callee takes over."""
        signature = self.signature(node)
        for one in signature.parameters if signature is not None else ():
            if one.register is None:
                continue
            number = one.register.number
            used = path.states and self._check(index, path, number, one.type._owned)
            if one.type._owned and not used and path.sign(number, WIDE) != ZERO:
                self._give(index, path, number)

    def _give(self, index: int, path: Path, number: int) -> None:
        value = path.values.get(number)
        if value is not None:
            given = value.whole if path.states.get(value.whole) == OWNED else value
            path.states[given] = GONE
            self._given[given] = index

    def returned(self, index: int, node: Node, path: Path) -> None:
        """Own the results that a callee gives."""
        signature = self.signature(node)
        results = signature.results if signature is not None else ()
        for number, kind in zip(RESULTS, results, strict=False):
            if kind._owned:
                path.states[Value(index, number)] = OWNED
                if kind._signed:
                    self._signed.add((index, number))

    def store(self, index: int, node: Node, path: Path, source: int | None) -> None:
        """Give what is stored to what owns it there."""
        value = path.values.get(source) if source is not None else None
        if source is not None and value is not None and path.states and _is_owner(node.line):
            self._check(index, path, source)
            path.states.pop(value.whole, None)

    def exchanged(self, index: int, node: Node, path: Path, number: int) -> None:
        """Own what is taken out of what owned it."""
        if _is_owner(node.line):
            path.states[Value(index, number)] = OWNED

    def tested(self, path: Path, value: Value, width: int, sign: int) -> None:
        """What is null, or an error, is owned by nobody."""
        failed = NEGATIVE if (value.site, value.number) in self._signed else ZERO
        if path.states.get(value) == OWNED and sign == failed:
            del path.states[value]

    def leave(self, index: int, node: Node, path: Path) -> None:
        """Find what is still owned where the function is left."""
        own = self.function.routine.signature.results
        if node.effects.mnemonic != Mnemonic.RET:
            self.returned(index, node, path)  # what it jumps to returns for this function
            for number, kind in zip(RESULTS, own, strict=False):
                if kind._owned:
                    path.states.pop(Value(index, number), None)
        else:
            for number, kind in zip(RESULTS, own, strict=False):
                value = path.values.get(number)
                if value is not None and path.states and not self._check(index, path, number):
                    if path.states.get(value.whole) == OWNED and not kind._owned:
                        self._lose(value.whole, index, True, True)
                    path.states.pop(value.whole, None)
        for value, state in path.states.items():
            if state == OWNED:
                self._lose(value, index, True)

    def changed(self, index: int, path: Path) -> None:
        """Find what nothing leads to any more."""
        for value, state in [*path.states.items()]:
            if not path.places_of(value):
                if state == OWNED:
                    self._lose(value, index, self._is_epilogue(index))
                del path.states[value]

    def renewed(self, index: int, path: Path, value: Value) -> None:
        """Find what was made in the round before and not given away."""
        if path.states[value] == OWNED:
            self._lose(value, index, False)

    def _is_epilogue(self, index: int) -> bool:
        """Return whether only registers are restored from here to where the function is left."""
        nodes = self.nodes
        while nodes[index].effects.mnemonic in (Mnemonic.POP, Mnemonic.LEAVE):
            index += 1
        return nodes[index].leaves

    def _lose(self, value: Value, at: int, is_exit: bool, is_result: bool = False) -> None:
        source = self.nodes[at].line.source.line
        self.lost.setdefault((value, source), Lost(value, at, is_exit, is_result))


def _is_owner(line: Line) -> bool:
    """Return whether the memory that an instruction accesses owns what it points to."""
    return any(isinstance(one, MemoryOperand) and one._kind._owned for one in line.written)


def follows_ownership(function: FunctionAnalysis) -> bool:
    """Return whether a function has to do with what somebody owns."""
    routine, owning = function.routine, function.build.owning
    is_told = routine.symbol in owning or OwnedPlace in routine.operand_roles
    return is_told or not owning.isdisjoint(routine.targets)
