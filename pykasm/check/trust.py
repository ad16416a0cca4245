"""Numbers that somebody else chose, on the paths through a function, until they are bounded."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import NamedTuple

from iced_x86 import ConditionCode, Mnemonic, OpKind

from pykasm.check.build import Build, FunctionAnalysis
from pykasm.check.derivednumbers import (
    ANY_LOW,
    BELOW,
    CHECKED,
    CHOSEN,
    LOW_BITS,
    MAY_WRAP,
    NOT_NEGATIVE,
    UNBOUNDED,
    Derived,
    Known,
    chosen_size,
    derived,
)
from pykasm.check.graph import Node
from pykasm.check.operands import number_of, register_operand
from pykasm.check.ranges import RangeFlow
from pykasm.check.trustuse import Passed, TrustUse
from pykasm.check.valueflow import ValueFlow, given_in_place
from pykasm.check.valuepath import AT_ENTRY, NEGATIVE, NOWHERE, Path, Test, Value
from pykasm.isa.code import Line
from pykasm.lang.builder import Said, UntrustedPlace
from pykasm.lang.convention import Kind
from pykasm.lang.routine import Routine
from pykasm.lang.types import TypeMeta, is_pointer

RCX = 1
"""The register with counts of shifts and of repeated instructions (AMD64 APM vol. 1, 3.1)."""

_SHIFTS = (
    *(Mnemonic.SHL, Mnemonic.SHR, Mnemonic.SAR, Mnemonic.ROL, Mnemonic.ROR, Mnemonic.RCL),
    Mnemonic.RCR,
)
_DIVISIONS = (Mnemonic.DIV, Mnemonic.IDIV)
_DIVISOR, _INDEX, _ADDRESS = "a divisor", "an index", "an address"
_COUNTING = (Mnemonic.INC, Mnemonic.ADD)

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
_SIGNED = (Mnemonic.JL, Mnemonic.JLE, Mnemonic.JG, Mnemonic.JGE)
_NO_WRAP: dict[int, bool] = {
    Mnemonic.JB: False,
    Mnemonic.JAE: True,
    Mnemonic.JS: False,
    Mnemonic.JNS: True,
}
"""Whether a branch right behind arithmetic is taken where the result was not too large, nor below
0."""

_BRANCHES: dict[int, int] = {
    ConditionCode.B: Mnemonic.JB,
    ConditionCode.BE: Mnemonic.JBE,
    ConditionCode.A: Mnemonic.JA,
    ConditionCode.AE: Mnemonic.JAE,
    ConditionCode.L: Mnemonic.JL,
    ConditionCode.LE: Mnemonic.JLE,
    ConditionCode.G: Mnemonic.JG,
    ConditionCode.GE: Mnemonic.JGE,
    ConditionCode.E: Mnemonic.JE,
    ConditionCode.NE: Mnemonic.JNE,
}
"""The branch that is taken where a `cmov` moves."""


class Misuse(NamedTuple):
    """The instruction `at` takes `value` for what `use` says, and nothing has bounded it."""

    value: Value
    at: int
    use: str


class TrustFlow(ValueFlow):
    """Follows numbers that somebody else chose until a comparison bounds them.

    Each number that is computed from them has a state of its own. A bound of it bounds what it was
    computed from, and the other way round, so far as the arithmetic is not lossy.
    """

    words = ("trust",)

    def __init__(
        self,
        function: FunctionAnalysis,
        is_exact: bool = False,
        chosen: frozenset[int] = frozenset(),
    ) -> None:
        super().__init__(function, is_exact)
        self._chosen = chosen
        """The registers of further parameters that somebody else chose."""
        self.misused: dict[int, Misuse] = {}
        self.passed: dict[tuple[str, int], Misuse] = {}
        """What is given to functions that are not told who chose it, by them and the register."""
        self._is_assertion = False
        self._pointers: set[Value] = set()
        """The parameters that are pointers which programs gave."""
        self._bits: dict[Value, int] = {}
        self._made: dict[Value, Derived] = {}
        self._result: tuple[int, Derived] | None = None
        """What the instruction at hand computes, and into which register."""

    @property
    def has_findings(self) -> bool:
        """Whether a number is relied on."""
        return bool(self.misused)

    def enter(self, path: Path) -> None:
        """Take note of parameters that somebody else chose."""
        is_distrusting = self.function.routine.symbol in self.function.build.distrusting
        for one in self.function.routine.signature.parameters:
            number = one.register.number if one.register is not None else None
            is_chosen = one.type._untrusted or one.type._by_user or number in self._chosen
            if number is not None and (is_chosen or (is_distrusting and not is_pointer(one.type))):
                self._choose(path, Value(AT_ENTRY, number), one.type._size)
                if one.type._by_user:
                    self._pointers.add(Value(AT_ENTRY, number))

    def _choose(self, path: Path, value: Value, size: int) -> None:
        """Take note that somebody else chose a number of `size` bytes."""
        path.states[value] = CHOSEN
        self._bits[value] = 8 * size

    def hear(self, index: int, path: Path, said: Said) -> None:
        """Believe what bounds a number."""
        value = path.values.get(said.number)
        if value is not None:
            self._bound(path, value)
            path.states.pop(value, None)

    # Uses

    def use(self, index: int, node: Node, path: Path) -> None:
        """Check what an instruction takes as an index, an address, a length, a shift, a divisor."""
        self._result = None
        if not path.states and UntrustedPlace not in self.function.routine.operand_roles:
            return
        if path.states:
            self._check(index, node, path)
        self._result = self._computed(node, path)

    def _check(self, index: int, node: Node, path: Path) -> None:
        instruction, mnemonic = node.effects.instruction, node.effects.mnemonic
        if mnemonic not in (Mnemonic.LEA, Mnemonic.NOP):
            self._refuse(index, path, number_of(instruction.memory_index), _INDEX)
            self._refuse(index, path, number_of(instruction.memory_base), _ADDRESS)
        if mnemonic in _SHIFTS and instruction.op1_kind == OpKind.REGISTER:
            self._refuse(index, path, RCX, "the count of a shift")
        if instruction.has_rep_prefix or instruction.has_repne_prefix:
            self._refuse(index, path, RCX, "a length")
        if mnemonic in _DIVISIONS:
            self._refuse(index, path, register_operand(instruction, 0), _DIVISOR)

    def _refuse(self, index: int, path: Path, number: int | None, use: str) -> None:
        """Find where what is in a register is used as it must not be."""
        value = path.values.get(number) if number is not None else None
        state = path.states.get(value, 0) if value is not None else 0
        is_wrong = state & (ANY_LOW if use == _DIVISOR else UNBOUNDED)
        if value is None or number is None or not is_wrong:
            return
        if use == _ADDRESS and self._origin(value) in self._pointers:
            return  # that is E060, here
        if use == _INDEX and (self._fits(index, value) or self._counts_to(index, number, value)):
            return
        self.misused.setdefault(index, Misuse(self._origin(value), index, use))
        self._bound(path, value)  # what follows from this is no fault of its own
        path.states.pop(value, None)

    def _fits(self, index: int, value: Value) -> bool:
        """Return whether an array has an element for every number of so many bits."""
        length = self._lengths.get(index)
        return length is not None and 1 << self._bits.get(value, 64) <= length

    @cached_property
    def _lengths(self) -> dict[int, int]:
        """The lengths of the arrays that instructions choose an element of by a register."""
        accesses, items = self.function.routine.element_accesses, self.function.routine.items
        return {
            sum(isinstance(item, Line) for item in items[: one.at]): one.length for one in accesses
        }

    def _counts_to(self, index: int, number: int, value: Value) -> bool:
        """Return whether something else than what somebody chose bounds a counter."""
        state = self._ranges.states.get(index) if self._is_counter(value) else None
        return state is not None and state.range(number).stated

    @cached_property
    def _ranges(self) -> RangeFlow:
        return RangeFlow(self.nodes, self.function.changed_by)

    def _is_counter(self, value: Value) -> bool:
        """Return whether a number was counted up, and is none that somebody chose."""
        is_made = value.site >= 0 and self.nodes[value.site].effects.mnemonic in _COUNTING
        made = self._made.get(value)
        return is_made and (made is None or made.is_end or not made.parts)

    def _origin(self, value: Value) -> Value:
        """Return what was chosen, of which `value` was computed."""
        seen = set()
        while value in self._made and self._made[value].parts and value not in seen:
            seen.add(value)
            value = self._made[value].parts[0]
        return value

    def call(self, index: int, node: Node, path: Path) -> None:
        """Take note of what a function is given that nothing has bounded."""
        signature = self.signature(node) if path.states and node.callee is not None else None
        for one in signature.parameters if signature is not None else ():
            number = one.register.number if one.register is not None else None
            value = path.values.get(number) if number is not None else None
            is_told = one.type._untrusted or one.type._by_user or value is None or number is None
            if value is not None and is_pointer(one.type):
                is_told = is_told or self._origin(value) in self._pointers  # that is E060, here
            if one.type._bounded:
                self._refuse(index, path, number, f"`{one.name}` of `{node.callee}`")
            elif value is not None and not is_told and path.states.get(value, 0) & UNBOUNDED:
                assert node.callee is not None
                assert number is not None
                known = Misuse(self._origin(value), index, one.name)
                self.passed.setdefault((node.callee, number), known)

    def summary(self, given: Value | None) -> TrustUse:
        """Return what becomes of the parameter `given`, or of what the function gets by itself."""
        relied = ((one.use, one.at) for one in self.misused.values() if given in (None, one.value))
        passed = tuple(
            Passed(callee, number, one.use, one.at, one.value.site)
            for (callee, number), one in self.passed.items()
            if given in (None, one.value)
        )
        return TrustUse(next(relied, None), passed)

    # Numbers that are made

    def given(self, path: Path, value: Value, kind: TypeMeta) -> None:
        """Take note of results that somebody else chose."""
        if kind._untrusted:
            self._choose(path, value, kind._size)

    def loaded(self, index: int, node: Node, path: Path, number: int) -> None:
        """Take note of fields that somebody else filled in."""
        size = chosen_size(node)
        if size:
            has_sign = node.effects.mnemonic in (Mnemonic.MOVSX, Mnemonic.MOVSXD)
            self._choose(path, Value(index, number), 8 if has_sign else size)

    def _computed(self, node: Node, path: Path) -> tuple[int, Derived] | None:
        """Return what an instruction computes, if somebody else chose a part of it."""

        def knows(number: int | None) -> Known:
            value = path.values.get(number) if number is not None else None
            if value is None:
                return Known()
            return Known(value, path.states.get(value, 0), self._bits.get(value, 64))

        if node.effects.instruction.condition_code in _BRANCHES and not node.successors[1:]:
            return self._moved(node, path)
        found = derived(node, knows)
        return found if found is not None and found[1].state else None

    def _moved(self, node: Node, path: Path) -> tuple[int, Derived] | None:
        """Return what a `cmov` leaves in its register: one number or the other, as a comparison
        has just shown."""
        instruction = node.effects.instruction
        target, source = register_operand(instruction, 0), register_operand(instruction, 1)
        value = path.values.get(target) if target is not None else None
        other = path.values.get(source) if source is not None else None
        if target is None or not str(instruction).startswith("cmov"):
            return None
        moves, stays = path.copy(), path.copy()
        branch = _BRANCHES[instruction.condition_code]
        self.branched(moves, branch, True)
        self.branched(stays, branch, False)
        state = moves.states.get(other, 0) if other is not None else 0
        state |= stays.states.get(value, 0) if value is not None else 0
        parts = tuple(one for one in (value, other) if one is not None and path.states.get(one))
        bits = max((self._bits.get(one, 64) for one in parts), default=64)
        return target, Derived(state & CHOSEN, bits, parts, bounds_parts=False)

    def _derive(
        self, index: int, path: Path, target: int, source: Value | None, nearness: int
    ) -> None:
        """Put a number of its own into a register, whatever it was computed from."""
        path.define(target, Value(index, target))

    def changed(self, index: int, path: Path) -> None:
        """Take note of what was computed, and forget what is nowhere any more."""
        if self._result is not None:
            target, made = self._result
            value = Value(index, target)
            path.define(target, value)
            path.states[value] = made.state
            self._bits[value], self._made[value] = made.bits, made
        for value in [*path.states]:
            if not path.places_of(value):
                del path.states[value]

    # Bounds

    def _branches(self, index: int, node: Node, path: Path) -> Iterable[tuple[int, Path]]:
        """Learn from a branch, but from no assertion: programs must not make one fail."""
        self._is_assertion = node.line.source.text.lstrip().startswith("asserts(")
        return super()._branches(index, node, path)

    def branched(self, path: Path, mnemonic: int, is_taken: bool) -> None:
        """A comparison bounds its first operand on one side, its second one on the other."""
        if not path.states or self._is_assertion:
            return
        if path.test is None:
            if _NO_WRAP.get(mnemonic) == is_taken:
                self._unwrap(path)
            return
        if mnemonic in (Mnemonic.JS, Mnemonic.JNS) and is_taken == _NO_WRAP[mnemonic]:
            self._show_sign(path, path.values.get(path.test.place))
        is_below = _BELOW.get(mnemonic)
        if is_below is not None and mnemonic in _EQUALITY:
            self._equal(path, path.test, is_taken == is_below)
        elif is_below is not None:
            self._order(path, path.test, mnemonic in _SIGNED, is_taken == is_below)

    def _order(self, path: Path, test: Test, has_sign: bool, is_below: bool) -> None:
        """Take note that one number is below another, or is not."""
        first, second = path.values.get(test.place), path.values.get(_at(test.other))
        smaller, larger = (first, second) if is_below else (second, first)
        if larger is not None:
            if not has_sign or (test.number or 0) >= 0:
                self._raise(path, larger)
            if has_sign and (test.number or 0) >= 0:
                self._show_sign(path, larger)
            self._show_sum(path, larger, smaller)
        if smaller is None:
            return
        if not self._is_whole(smaller, test):
            if not has_sign and path.states.get(smaller, 0) & UNBOUNDED:
                path.states[smaller] |= LOW_BITS.get(8 * test.size, 0)
            return
        limit = path.states.get(larger, 0) if larger is not None else 0
        if self._is_counter(smaller) and path.states.get(smaller, 0) in (0, CHECKED):
            self._count(path, smaller, larger if limit & UNBOUNDED else None)
        elif not has_sign or self._is_positive(path, smaller, test):
            self._bound(path, smaller)
        elif path.states.get(smaller, 0) & UNBOUNDED:
            path.states[smaller] |= BELOW

    def _count(self, path: Path, counter: Value, end: Value | None) -> None:
        """Take note of what a counter goes up to; None for what the function knows."""
        if end is None:
            path.states[counter] = CHECKED
        elif not self._chosen and not path.states.get(counter, 0):  # callers know what they walk
            path.states[counter] = UNBOUNDED
            self._bits[counter] = self._bits.get(end, 64)
            self._made[counter] = Derived(
                UNBOUNDED, self._bits[counter], (end,), False, is_end=True
            )

    def _is_whole(self, value: Value, test: Test) -> bool:
        """Return whether a comparison looks at all of a number."""
        return self._bits.get(value, 0) <= 8 * test.size

    def _is_positive(self, path: Path, value: Value, test: Test) -> bool:
        """Return whether a number that is compared as one with a sign is not below 0."""
        sign = min((path.sign(at, test.width) for at in path.places_of(value)), default=NEGATIVE)
        is_narrow = self._bits.get(value, 64) < 8 * test.size
        is_shown = path.states.get(value, 0) & NOT_NEGATIVE or not sign & NEGATIVE
        return is_narrow or bool(is_shown)

    def _equal(self, path: Path, test: Test, is_equal: bool) -> None:
        """Take note that two numbers are equal, or are not."""
        for value in (path.values.get(test.place), path.values.get(_at(test.other))):
            if value is None:
                continue
            if is_equal and self._is_whole(value, test):
                self._bound(path, value)
            if is_equal != (test.number == 0):
                self._raise(path, value)

    def _bound(self, path: Path, value: Value) -> None:
        """Take note that a number is not above something that the function knows."""
        state, made = path.states.get(value, 0), self._made.get(value)
        if not state & UNBOUNDED:
            return
        self._set(path, value, state & ~(UNBOUNDED | BELOW))
        is_exact = made is not None and (made.is_distance or not state & MAY_WRAP)
        if made is not None and made.bounds_parts and is_exact:
            for part in made.parts:
                self._bound(path, part)
        for one in [*path.states]:
            derived_from = self._made.get(one)
            if derived_from is not None and derived_from.inherits and value in derived_from.parts:
                self._inherit(path, one, derived_from)

    def _inherit(self, path: Path, value: Value, made: Derived) -> None:
        if not any(path.states.get(part, 0) & UNBOUNDED for part in made.parts):
            self._bound(path, value)

    def _raise(self, path: Path, value: Value) -> None:
        """Take note that a comparison has shown what a number is at least."""
        state, made = path.states.get(value, 0), self._made.get(value)
        if state & ANY_LOW:
            self._set(path, value, state & ~ANY_LOW)
            for part in made.parts if made is not None and made.is_copy else ():
                self._raise(path, part)

    def _show_sign(self, path: Path, value: Value | None) -> None:
        """Take note that a number is not below 0."""
        state = path.states.get(value, 0) if value is not None else 0
        if value is not None and state & UNBOUNDED:
            path.states[value] |= NOT_NEGATIVE
            if state & BELOW:
                self._bound(path, value)

    def _show_sum(self, path: Path, larger: Value, smaller: Value | None) -> None:
        """Take note that a sum is not below one of its parts: it was not too large."""
        made = self._made.get(larger)
        if made is not None and smaller in made.parts and path.states.get(larger, 0) & MAY_WRAP:
            path.states[larger] = made.unwrapped

    def _unwrap(self, path: Path) -> None:
        """Take note that the sum or difference which the flags tell of was not too large."""
        for value, state in [*path.states.items()]:
            if state & MAY_WRAP:
                self._set(path, value, self._made[value].unwrapped)

    def _set(self, path: Path, value: Value, state: int) -> None:
        if state:
            path.states[value] = state
        else:
            path.states.pop(value, None)


def _at(place: int | None) -> int:
    return NOWHERE if place is None else place


def follows_trust(routine: Routine, build: Build) -> bool:
    """Return whether a function has to do with what somebody else chose."""
    if routine.kind is not Kind.FUNCTION or routine.copies_user:
        return False
    given = any(one.type._untrusted or one.type._by_user for one in routine.signature.parameters)
    given = given or any(one._untrusted for one in given_in_place(routine))
    given = given or (bool(routine.signature.parameters) and routine.symbol in build.distrusting)
    is_told = given or UntrustedPlace in routine.operand_roles
    return is_told or not build.untrusted.isdisjoint(routine.targets)
