"""Numbers that somebody else chose, on the paths through a function, until they are bounded."""

from __future__ import annotations

from typing import NamedTuple

from iced_x86 import Mnemonic, OpKind

from pykasm.check.build import FunctionAnalysis
from pykasm.check.graph import Node
from pykasm.check.operands import number_of, register_operand
from pykasm.check.said import said
from pykasm.check.valueflow import ValueFlow, given_in_place
from pykasm.check.valuepath import AT_ENTRY, NOWHERE, Path, Value
from pykasm.lang.builder import UntrustedPlace
from pykasm.lang.operands import MemoryOperand
from pykasm.lang.types import TypeMeta

UNBOUNDED, AT_LEAST = 1, 2
"""No comparison has bounded it yet; one has shown what it is at least, so that it is not 0."""

RCX = 1
"""The register with counts of shifts and of repeated instructions (AMD64 APM vol. 1, 3.1)."""

_SHIFTS = (
    *(Mnemonic.SHL, Mnemonic.SHR, Mnemonic.SAR, Mnemonic.ROL, Mnemonic.ROR, Mnemonic.RCL),
    Mnemonic.RCR,
)
_DIVISIONS = (Mnemonic.DIV, Mnemonic.IDIV)
_DIVISOR = "a divisor"

_BELOW: dict[int, bool] = {
    Mnemonic.JB: True,
    Mnemonic.JBE: True,
    Mnemonic.JL: True,
    Mnemonic.JLE: True,
    Mnemonic.JE: True,
    Mnemonic.JA: False,
    Mnemonic.JAE: False,
    Mnemonic.JG: False,
    Mnemonic.JGE: False,
    Mnemonic.JNE: False,
}
"""Whether the first operand of a comparison is bounded by the second where the branch behind it is
taken, or where it is not."""

_EQUALITY = (Mnemonic.JE, Mnemonic.JNE)


class Misuse(NamedTuple):
    """The instruction `at` takes `value` for what `use` says, and nothing has bounded it."""

    value: Value
    at: int
    use: str


class TrustFlow(ValueFlow):
    """Follows numbers that somebody else chose until a comparison bounds them."""

    def __init__(self, function: FunctionAnalysis) -> None:
        super().__init__(function)
        self.misused: dict[int, Misuse] = {}
        self._trusted = said(function.routine, "trust")

    def enter(self, path: Path) -> None:
        """Take note of parameters that somebody else chose."""
        for one in self.function.routine.signature.parameters:
            if one.type._untrusted and one.register is not None:
                path.states[Value(AT_ENTRY, one.register.number)] = UNBOUNDED

    def use(self, index: int, node: Node, path: Path) -> None:
        """Check what an instruction takes as an index, an address, a length, a shift, a divisor."""
        if not path.states:
            return
        for number in self._trusted.get(index, ()):
            self._bound(path, path.values.get(number))
        instruction, mnemonic = node.effects.instruction, node.effects.mnemonic
        if mnemonic not in (Mnemonic.LEA, Mnemonic.NOP):
            self._refuse(index, path, number_of(instruction.memory_index), "an index")
            self._refuse(index, path, number_of(instruction.memory_base), "an address")
        if mnemonic in _SHIFTS and instruction.op1_kind == OpKind.REGISTER:
            self._refuse(index, path, RCX, "the count of a shift")
        if instruction.has_rep_prefix or instruction.has_repne_prefix:
            self._refuse(index, path, RCX, "a length")
        if mnemonic in _DIVISIONS:
            self._refuse(index, path, register_operand(instruction, 0), _DIVISOR)

    def _refuse(self, index: int, path: Path, number: int | None, use: str) -> None:
        """Find where what is in a register is used as it must not be."""
        value = path.values.get(number) if number is not None else None
        state = path.states.get(value.whole) if value is not None else None
        if value is not None and state is not None and (state == UNBOUNDED or use != _DIVISOR):
            self.misused.setdefault(index, Misuse(value.whole, index, use))
            del path.states[value.whole]  # what follows from this is no fault of its own

    def _bound(self, path: Path, value: Value | None) -> None:
        if value is not None:
            path.states.pop(value.whole, None)

    def given(self, path: Path, value: Value, kind: TypeMeta) -> None:
        """Take note of results that somebody else chose."""
        if kind._untrusted:
            path.states[value] = UNBOUNDED

    def loaded(self, index: int, node: Node, path: Path, number: int) -> None:
        """Take note of fields that somebody else filled in."""
        if any(
            isinstance(one, MemoryOperand) and one._kind._untrusted for one in node.line.written
        ):
            path.states[Value(index, number)] = UNBOUNDED

    def masked(self, path: Path, number: int) -> None:
        """A mask bounds what is left."""
        self._bound(path, path.values.get(number))

    def branched(self, path: Path, mnemonic: int, is_taken: bool) -> None:
        """A comparison bounds its first operand on one side, its second one on the other."""
        is_below = _BELOW.get(mnemonic)
        if path.test is None or is_below is None:
            return
        smaller, larger = path.test.other, path.test.place
        if is_taken == is_below:
            smaller, larger = larger, smaller
        self._raise(path, larger)
        if mnemonic not in _EQUALITY:
            self._bound(path, path.values.get(NOWHERE if smaller is None else smaller))
        elif is_taken == is_below:  # they are equal
            for place in (path.test.place, path.test.other):
                self._bound(path, path.values.get(NOWHERE if place is None else place))
        else:
            self._raise(path, smaller)

    def _raise(self, path: Path, place: int | None) -> None:
        """Take note that a comparison has shown what a number is at least."""
        value = path.values.get(place) if place is not None else None
        if value is not None and value.whole in path.states:
            path.states[value.whole] = AT_LEAST

    def changed(self, index: int, path: Path) -> None:
        """Forget what is nowhere any more."""
        for value in [*path.states]:
            if not path.places_of(value):
                del path.states[value]


def follows_trust(function: FunctionAnalysis) -> bool:
    """Return whether a function has to do with what somebody else chose."""
    routine, distrusted = function.routine, function.build.untrusted
    given = any(one.type._untrusted for one in routine.signature.parameters)
    given = given or any(one._untrusted for one in given_in_place(routine))
    is_told = given or UntrustedPlace in routine.operand_roles
    return is_told or not distrusted.isdisjoint(routine.targets)
