"""Who owns what on the paths through a function."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from iced_x86 import Mnemonic
from iced_x86 import Register as IcedRegister

from pykasm.check.build import FunctionAnalysis
from pykasm.check.convention import RESULTS
from pykasm.check.effects import RBP, RSP
from pykasm.check.graph import Node
from pykasm.check.operands import number_of
from pykasm.check.valueflow import ValueFlow, given_in_place
from pykasm.check.valuepath import AT_ENTRY, NEGATIVE, PART, WIDE, ZERO, Path, Value
from pykasm.isa.code import Line
from pykasm.lang.builder import OwnedPlace, Said
from pykasm.lang.operands import MemoryOperand
from pykasm.lang.types import TypeMeta, is_pointer

LAST, OWNED, GONE = 0, 1, -1
"""The function owns what the value leads to, as the last reference was dropped; it owns that if it
is not null, or a reference to it (states above are more of them); it gave it away."""


DROPPED, DISOWNED, OTHERS = -2, -3, -4
"""A reference has been dropped, and the flags tell whether it was the last; the function said that
somebody else owns it; it was loaded from where somebody else owns it."""


def is_owned(state: int | None) -> bool:
    """Return whether the function owns what has this state."""
    return state is not None and state >= LAST


class Lost(NamedTuple):
    """What `value` leads to is lost at the instruction `at`, where the function is left if
    `is_exit`; `is_result` if it is returned."""

    value: Value
    at: int
    is_exit: bool
    is_result: bool = False


class Unowned(NamedTuple):
    """The instruction `at` gives away, or drops a reference to, what `value` leads to, which
    somebody else goes on owning: the caller if it is a parameter. Or a word says before it that
    somebody else owns that from there on, `is_disowned`."""

    value: Value
    at: int
    is_disowned: bool = False


class UsedAfter(NamedTuple):
    """The instruction `at` uses `value`, which the call at `given` gave away; `again` if that gives
    it away once more, `is_disowned` if a word said that somebody else owns it."""

    value: Value
    at: int
    given: int
    again: bool
    is_disowned: bool = False


class OwnershipFlow(ValueFlow):
    """Follows what a function owns and what it gave away."""

    words = ("disown", "take_over")

    def __init__(self, function: FunctionAnalysis, is_exact: bool = False) -> None:
        super().__init__(function, is_exact)
        self.lost: dict[tuple[Value, int], Lost] = {}
        self.used: dict[int, UsedAfter] = {}
        self.unowned: dict[int, Unowned] = {}
        self._given: dict[Value, int] = {}
        self._signed: set[tuple[int, int]] = set()
        """What is no failure only if it is not below 0, by what made it."""
        self._gives = any(one._owned for one in function.routine.signature.results)
        self._hands_on = self._gives or not function.build.taking.isdisjoint(
            function.routine.targets
        )
        """Whether the function gives anything to others, which it has to own."""
        self._lent: set[Value] = set()
        """The parameters that the caller goes on owning: they are there all the while."""
        self._pointers: set[Value] = set()
        """The parameters that are addresses by their types; numbers may stand for anything."""

    @property
    def has_findings(self) -> bool:
        """Whether something is lost, used after it was given away, or not the function's own."""
        return bool(self.lost or self.used or self.unowned)

    def enter(self, path: Path) -> None:
        """Own the parameters that the function takes over."""
        for value, is_given in self._parameters():
            if is_given:
                path.states[value] = OWNED
            else:
                self._lent.add(value)

    def _parameters(self) -> Iterator[tuple[Value, bool]]:
        """Yield what the function is given in registers, and whether it owns it."""
        for one in self.function.routine.signature.parameters:
            if one.register is not None:
                value = Value(AT_ENTRY, one.register.number)
                if is_pointer(one.type):
                    self._pointers.add(value)
                yield value, one.type._owned

    def use(self, index: int, node: Node, path: Path) -> None:
        """Check the addresses that an instruction goes by."""
        self.heed(index, path)
        if not path.states or node.effects.mnemonic == Mnemonic.LEA:
            return
        instruction = node.effects.instruction
        for register in (instruction.memory_base, instruction.memory_index):
            base = number_of(register)
            if base is not None:
                self.is_used_after(index, path, base)

    def heed(self, index: int, path: Path) -> None:
        """Take note of what happens to references at an instruction."""

    def hear(self, index: int, path: Path, said: Said) -> None:
        """Disown what somebody else owns from here on, or own what somebody else did."""
        named = self.named(index, path, said.number)
        value, state = named.whole, path.states.get(named.whole)
        if said.word == "disown" and state is not None and state > OWNED:
            path.states[value] = state - 1
        elif said.word == "disown":
            if self._is_others(path, value):
                self.unowned.setdefault(index, Unowned(value, index, True))
            path.states.pop(named, None)
            path.states[value] = DISOWNED
            self._given[value] = index
        else:
            path.states[value] = state + 1 if state is not None and state >= OWNED else OWNED
            self._lent.discard(value)

    def named(self, index: int, path: Path, number: int) -> Value:
        """Return what is in a register of which a word says something; one that comes from several
        places has a value of its own from here on."""
        if number not in path.values:
            path.define(number, Value(index, number))
        return path.values[number]

    def is_used_after(self, index: int, path: Path, number: int, again: bool = False) -> bool:
        """Find the use of what was given away, in a register. Return whether it is one."""
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
            used = path.states and self.is_used_after(index, path, number, one.type._owned)
            if one.type._owned and not used and path.sign(number, WIDE) != ZERO:
                self._give(index, path, number)

    def _give(self, index: int, path: Path, number: int) -> None:
        value = path.values.get(number)
        if value is not None:
            given = value.whole if is_owned(path.states.get(value.whole)) else value
            self.give(index, path, given)

    def give(self, index: int, path: Path, value: Value) -> None:
        """Give away one reference to what is owned; without any, it is not to be used."""
        state = path.states.get(value, GONE)
        if state == OTHERS and self._is_lent_by_callee(value):
            self.unowned.setdefault(index, Unowned(value, index))
        state = GONE if state == OTHERS else state
        if state == DISOWNED:
            self.used.setdefault(index, UsedAfter(value, index, self._given[value], True, True))
        elif state > OWNED:
            path.states[value] = state - 1
        elif state == OWNED and value in self._lent:
            del path.states[value]
        else:
            if value in self._lent & self._pointers and value not in path.states:
                self.unowned.setdefault(index, Unowned(value, index))
            path.states[value] = GONE
            self._given[value] = index

    def given(self, path: Path, value: Value, kind: TypeMeta) -> None:
        """Own the results that a function gives; others go on owning what it only shows."""
        if kind._owned:
            path.states[value] = OWNED
            if kind._signed:
                self._signed.add((value.site, value.number))
        elif self._hands_on and is_pointer(kind):
            path.states[value] = OTHERS

    def _is_lent_by_callee(self, value: Value) -> bool:
        """Return whether a value is the result of a call."""
        return value.site >= 0 and self.nodes[value.site].is_call

    def store(self, index: int, node: Node, path: Path, source: int | None) -> None:
        """Give what is stored to what owns it there."""
        value = path.values.get(source) if source is not None else None
        if source is None or value is None or not path.states:
            return
        if is_owner(node.line):
            self.is_used_after(index, path, source)
            self._pass_on(path, value.whole)
        elif self._is_in_frame(node, path):  # among others, where nobody can follow it
            self._pass_on(path, value.whole)

    def _is_in_frame(self, node: Node, path: Path) -> bool:
        """Return whether an instruction stores in memory of the function's own."""
        base = number_of(node.effects.instruction.memory_base)
        value = path.values.get(base) if base is not None else None
        site = value.whole.site if value is not None else AT_ENTRY
        made = self.nodes[site].effects.instruction if site >= 0 else None
        is_local = made is not None and made.memory_base == IcedRegister.RBP
        is_address = is_local and made is not None and made.mnemonic == Mnemonic.LEA
        return base in (RSP, RBP) or is_address

    def _pass_on(self, path: Path, value: Value) -> None:
        """Give a reference to somebody who lets this function go on using what is owned."""
        if path.states.get(value, OWNED) > OWNED:
            path.states[value] -= 1
        else:
            path.states.pop(value, None)

    def exchanged(self, index: int, node: Node, path: Path, number: int) -> None:
        """Own what is taken out of what owned it."""
        if is_owner(node.line):
            path.states[Value(index, number)] = OWNED

    def tested(self, path: Path, value: Value, width: int, sign: int) -> None:
        """What is null, or an error, is owned by nobody."""
        failed = NEGATIVE if (value.site, value.number) in self._signed else ZERO
        if is_owned(path.states.get(value)) and sign == failed:
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
                self._return(index, path, number, kind)
        for value, state in path.states.items():
            if is_owned(state):
                self.lose(value, self.where_left(index, path), True)

    def _return(self, index: int, path: Path, number: int, kind: TypeMeta) -> None:
        """Give a result to the caller."""
        value = path.values.get(number)
        is_told = bool(path.states) or kind._owned
        if value is not None and is_told and not self.is_used_after(index, path, number):
            self.pass_result(path, value)
            is_others = self._is_others(path, value)
            if value.root is not None:
                is_others = value.nearness == PART and path.states.get(value.whole) == OTHERS
            if kind._owned and is_others and path.sign(number, WIDE) != ZERO:
                self.unowned.setdefault(index, Unowned(value, index))
            if is_owned(path.states.get(value.whole)) and not kind._owned:
                self.lose(value.whole, index, True, True)
            self._pass_on(path, value.whole)

    def _is_others(self, path: Path, value: Value) -> bool:
        """Return whether somebody else owns a value: it was lent, or loaded from where it stays."""
        state = path.states.get(value)
        return state == OTHERS or (state is None and value in self._lent & self._pointers)

    def loaded(self, index: int, node: Node, path: Path, number: int) -> None:
        """Take note of what somebody else owns, in a function that gives what it owns to others."""
        if self._gives and _is_load(node):
            path.states[Value(index, number)] = OTHERS

    def pass_result(self, path: Path, value: Value) -> None:
        """A value is about to be returned."""

    def changed(self, index: int, path: Path) -> None:
        """Find what nothing leads to any more."""
        for value, state in [*path.states.items()]:
            if not path.is_somewhere(value) and state != DROPPED:
                if is_owned(state):
                    is_exit = self._is_epilogue(index)
                    at = self.where_left(index, path) if is_exit else index
                    self.lose(value, at, is_exit)
                del path.states[value]

    def renewed(self, index: int, path: Path, value: Value) -> None:
        """Find what was made in the round before and not given away."""
        if is_owned(path.states[value]):
            self.lose(value, index, False)

    def _is_epilogue(self, index: int) -> bool:
        """Return whether only registers are restored from here to where the function is left."""
        nodes = self.nodes
        while nodes[index].effects.mnemonic in (Mnemonic.POP, Mnemonic.LEAVE):
            index += 1
        return nodes[index].leaves

    def set_apart(self, value: Value, earlier: Value) -> None:
        """Know of an earlier value what was known of it."""
        if value in self._given:
            self._given[earlier] = self._given[value]

    def lose(self, value: Value, at: int, is_exit: bool, is_result: bool = False) -> None:
        """Take note of what is lost."""
        source = self.nodes[at].line.source.line
        self.lost.setdefault((value, source), Lost(value, at, is_exit, is_result))


def _is_load(node: Node) -> bool:
    """Return whether an instruction loads an address from memory that does not own what it points
    to, and is none of the function's own."""
    memory = (one for one in node.line.written[1:] if isinstance(one, MemoryOperand))
    is_address = any(is_pointer(one._kind) for one in memory)
    is_move = node.effects.mnemonic == Mnemonic.MOV and is_address
    return is_move and node.effects.frame_access is None and not is_owner(node.line)


def is_owner(line: Line) -> bool:
    """Return whether the memory that an instruction accesses owns what it points to."""
    return any(isinstance(one, MemoryOperand) and one._kind._owned for one in line.written)


def follows_ownership(function: FunctionAnalysis) -> bool:
    """Return whether a function has to do with what somebody owns."""
    routine, owning = function.routine, function.build.owning
    is_told = routine.symbol in owning or OwnedPlace in routine.operand_roles
    is_told = is_told or any(one._owned for one in given_in_place(routine))
    is_counting = any(one.word in ("take_over", "gain", "drop") for one in routine.said)
    return is_told or is_counting or not owning.isdisjoint(routine.targets)
