"""What may be an error or null, on the paths through a function."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from iced_x86 import Mnemonic, OpKind

from pykasm.check.build import FunctionAnalysis
from pykasm.check.convention import RESULTS
from pykasm.check.graph import Node
from pykasm.check.operands import address_registers, register_operand
from pykasm.check.said import said
from pykasm.check.testedplaces import TestedPlaces
from pykasm.check.valueflow import combined_register, given_in_place
from pykasm.check.valuepath import AT_ENTRY, NARROW, NEGATIVE, WIDE, ZERO, Path, Value
from pykasm.lang.builder import NullablePlace, Said
from pykasm.lang.convention import SLOT, Kind
from pykasm.lang.numbers import U32, Integer
from pykasm.lang.operands import MemoryOperand
from pykasm.lang.routine import Routine
from pykasm.lang.types import TypeMeta, is_pointer

UNSEEN, NULLABLE, ERROR, POSITIVE_ERROR, SEEN = 1, 2, 3, 4, 5
"""Nobody has looked yet whether it is an error; nobody has tested yet whether it is null; it is the
negated number of an error; it is that number itself; somebody has looked whether it is an error."""

_ADDRESSES_ONLY = (Mnemonic.LEA, Mnemonic.NOP, Mnemonic.INVLPG)
"""Instructions that access nothing at the address of their memory operand."""


_RECKONING = (
    *(Mnemonic.ADD, Mnemonic.SUB, Mnemonic.INC, Mnemonic.DEC, Mnemonic.IMUL, Mnemonic.LEA),
    *(Mnemonic.SHL, Mnemonic.SHR, Mnemonic.SAR),
)
"""Instructions that compute with numbers, of which an error is none."""


STORED = " "
"""Stands for a callee where null is stored in a field."""


class Mistaken(NamedTuple):
    """The instruction `at` takes the result `value` for a number, as `how` says, and nobody has
    looked whether it is an error."""

    value: Value
    at: int
    how: str


class Followed(NamedTuple):
    """The instruction `at` goes by the address `value`, which may be null; or it passes it to
    `callee`, which is not told that it may be."""

    value: Value
    at: int
    callee: str = ""


class ResultFlow(TestedPlaces):
    """Follows results that may be errors until somebody looks at them, and pointers that may be
    null until they are tested.

    What is lost where the function has an earlier error to tell of is no loss: with `is_exact`,
    results are followed further.
    """

    words = ("ignore", "asserts")

    def __init__(self, function: FunctionAnalysis, is_exact: bool = False) -> None:
        super().__init__(function, is_exact)
        self.dropped: dict[Value, int] = {}
        """Results that nobody looked at, with the instruction where they were lost."""
        self.followed: dict[int, Followed] = {}
        self.undeclared: set[int] = set()
        """The instructions that make errors which are returned as something else."""
        self.positive: dict[int, int] = {}
        """Those that make errors which are returned without being negated, and where that is."""
        self.widened: dict[int, int] = {}
        """The instructions that make 64 bits of an error of 32, without its sign, and where that is
        returned."""
        self.mistaken: dict[int, Mistaken] = {}
        self._narrow: set[Value] = set()
        self._copied: dict[Value, int] = {}
        self._errors = said(function.routine, "error").keys()
        self._positive_errors = said(function.routine, "positive error").keys()

    @property
    def has_findings(self) -> bool:
        """Whether an error or null is not looked at."""
        found = self.dropped or self.followed or self.undeclared or self.positive or self.widened
        return bool(found or self.mistaken)

    def enter(self, path: Path) -> None:
        """Take note of parameters that may be null."""
        for one in self.function.routine.signature.parameters:
            if one.type._nullable and one.register is not None:
                path.states[Value(AT_ENTRY, one.register.number)] = NULLABLE

    def hear(self, index: int, path: Path, said: Said) -> None:
        """Take it that an error does not matter, or that a pointer is not null."""
        value = path.values.get(said.number)
        if said.word == "ignore":
            self._see(path, said.number)
        elif value is not None:
            path.states.pop(value, None)

    def use(self, index: int, node: Node, path: Path) -> None:
        """Check the addresses that an instruction goes by, and see what it compares."""
        self.forget_places(index, node, path)
        self._note_copy(index, node, path)
        if not path.states:
            return
        for value in self.compared(index, node, path):
            self._look(path, value)
        if node.effects.mnemonic in _RECKONING:
            for number in _reckoned(node):
                self._mistake(index, path, number, "this computes with it")
        combined = combined_register(node)
        if combined is not None:
            self._see(path, combined)
        if node.effects.mnemonic not in _ADDRESSES_ONLY:
            for number in address_registers(node.effects.instruction):
                self._follow(index, path, number)

    def _mistake(self, index: int, path: Path, number: int, how: str) -> None:
        """Take note that a result in a register is taken for a number that is no error."""
        value = path.values.get(number)
        if value is not None and path.states.get(value.whole) == UNSEEN:
            self.mistaken.setdefault(index, Mistaken(value.whole, index, how))
            del path.states[value.whole]

    def _note_copy(self, index: int, node: Node, path: Path) -> None:
        """Take note of a move of the 32 bits of an error, which makes 0 of the others."""
        instruction = node.effects.instruction
        source = register_operand(instruction, 1)
        value = path.values.get(source) if source is not None else None
        is_move = node.effects.mnemonic == Mnemonic.MOV and instruction.op0_kind == OpKind.REGISTER
        if is_move and value is not None and value in self._narrow:
            self._copied[value] = index

    def _see(self, path: Path, number: int) -> None:
        """Take it that somebody looks at the result in a register."""
        value = path.values.get(number)
        if value is not None:
            self._look(path, value)

    def _look(self, path: Path, value: Value) -> None:
        if path.states.get(value.whole) == UNSEEN and self.is_exact:
            path.states[value.whole] = SEEN
        elif path.states.get(value.whole) == UNSEEN:
            del path.states[value.whole]

    def _lose(self, index: int, path: Path, value: Value) -> None:
        """Take note of the loss of a result, unless an earlier one is an error."""
        if not any(
            not path.sign(place, NARROW) & ZERO and path.states.get(one.whole) in (SEEN, ERROR)
            for place, one in path.values.items()
        ):
            self.dropped.setdefault(value, index)

    def _follow(self, index: int, path: Path, number: int | None, callee: str = "") -> None:
        value = path.values.get(number) if number is not None else None
        if value is None:
            return
        whole = value if path.states.get(value) == NULLABLE else value.whole
        if path.states.get(whole) == NULLABLE and (whole is value or value.nearness):
            self.followed.setdefault(index, Followed(whole, index, callee))
            del path.states[whole]  # what follows from this is no fault of its own

    def call(self, index: int, node: Node, path: Path) -> None:
        """Pass arguments on; those that may be null only to parameters that may."""
        signature = self.signature(node) if path.states else None
        for one in signature.parameters if signature is not None else ():
            if one.register is not None:
                if is_plain_number(one.type):
                    how = f"`{node.callee or 'what is called'}` takes it for a number"
                    self._mistake(index, path, one.register.number, how)
                self._see(path, one.register.number)
                if is_pointer(one.type) and not one.type._nullable and node.callee is not None:
                    self._follow(index, path, one.register.number, node.callee)

    def given(self, path: Path, value: Value, kind: TypeMeta) -> None:
        """Take note of what a result may be."""
        if kind._fails or kind._nullable:
            path.states[value] = UNSEEN if kind._fails else NULLABLE
        if kind._fails and kind._size < SLOT:
            self._narrow.add(value)

    def loaded(self, index: int, node: Node, path: Path, number: int) -> None:
        """Take note of pointers in memory that may be null."""
        memory = [one for one in node.line.written if isinstance(one, MemoryOperand)]
        if any(one._kind._nullable for one in memory) and not self.is_tested(node, path):
            path.states[Value(index, number)] = NULLABLE

    def made(self, index: int, path: Path, place: int) -> None:
        """Take note of errors."""
        if index in self._errors:
            path.states[path.values[place]] = ERROR
        elif index in self._positive_errors:
            path.states[path.values[place]] = POSITIVE_ERROR

    def store(self, index: int, node: Node, path: Path, source: int | None) -> None:
        """Somebody else may look at what is stored, unless it is stored as something else."""
        place = node.line.written[0] if node.line.written else None
        if source is not None and isinstance(place, MemoryOperand) and is_plain_number(place._kind):
            self._mistake(index, path, source, "it is stored as a number that is none")
        if source is not None and _leads_on(node):
            self._follow(index, path, source, STORED)
        if source is not None:
            self._see(path, source)

    def tested(self, path: Path, value: Value, width: int, sign: int) -> None:
        """What is not null may be followed."""
        if path.states.get(value) == NULLABLE and not sign & ZERO:
            del path.states[value]

    def leave(self, index: int, node: Node, path: Path) -> None:
        """Return results to the caller; find those that nobody has looked at."""
        if self.function.routine.kind is Kind.NAKED:
            return  # it has no results of its own: the code that goes on may look at what is there
        own = self.function.routine.signature.results
        if node.effects.mnemonic != Mnemonic.RET:
            self.returned(index, node, path)  # what it jumps to returns for this function
            for number in RESULTS[: len(own)]:
                path.states.pop(Value(index, number), None)
        else:
            for number, kind in zip(RESULTS, own, strict=False):
                self._return(index, path, number, kind)
                self._see(path, number)
        for value, state in path.states.items():
            if state == UNSEEN:
                self._lose(index, path, value)

    def _return(self, index: int, path: Path, number: int, kind: TypeMeta) -> None:
        """Find errors that are returned as something else."""
        value = path.values.get(number)
        state = path.states.get(value.whole) if value is not None else None
        is_negative = bool(path.sign(number, NARROW) & path.sign(number, WIDE) & NEGATIVE)
        if value in self._narrow and kind._fails and kind._size == SLOT and is_negative:
            self.widened.setdefault(self._copied.get(value, value.site), index)
        if value is not None and state in (ERROR, UNSEEN) and not kind._fails:
            self.undeclared.add(value.site)
        elif value is not None and state == POSITIVE_ERROR and kind._fails:
            self.positive.setdefault(value.site, index)

    def renewed(self, index: int, path: Path, value: Value) -> None:
        """Find what nobody has looked at since the round before."""
        if path.states[value] == UNSEEN:
            self._lose(index, path, value)

    def changed(self, index: int, path: Path) -> None:
        """Find results that are nowhere any more."""
        for value, state in [*path.states.items()]:
            if not path.is_somewhere(value):
                if state == UNSEEN:
                    self._lose(index, path, value)
                del path.states[value]


def _leads_on(node: Node) -> bool:
    """Return whether an instruction stores in a field from which others go on: it is a pointer, and
    not said to be null at times. What a subsystem has by itself is null from the beginning, and
    what an array or a local has may be so until somebody looks."""
    place = node.line.written[0] if node.line.written else None
    if not isinstance(place, MemoryOperand) or place._kind._nullable or place._within is None:
        return False
    return is_pointer(place._kind) and bool([*address_registers(node.effects.instruction)])


def is_plain_number(kind: TypeMeta) -> bool:
    """Return whether a type is one of numbers that are no errors: they have no sign."""
    is_number = issubclass(kind, Integer) and kind._size >= U32._size
    return is_number and not kind._signed and not kind._fails


def _reckoned(node: Node) -> Iterator[int]:
    """Yield the registers whose numbers an instruction adds up, or counts on otherwise."""
    instruction = node.effects.instruction
    if node.effects.mnemonic == Mnemonic.LEA:
        yield from address_registers(instruction)
        return
    for operand in (0, 1):
        number = register_operand(instruction, operand)
        if number is not None:
            yield number


def follows_results(function: FunctionAnalysis) -> bool:
    """Return whether a function has to do with what may be an error or null."""
    routine, failing = function.routine, function.build.failing
    nullable = any(one.type._nullable for one in routine.signature.parameters)
    given = any(one._fails or one._nullable for one in given_in_place(routine))
    is_told = nullable or given or NullablePlace in routine.operand_roles
    is_told = is_told or _returns_errors(routine)
    return is_told or not failing.isdisjoint(routine.targets)


def _returns_errors(routine: Routine) -> bool:
    """Return whether a function might return an error otherwise than it says."""
    results = routine.signature.results
    wanted = "positive error" if any(one._fails for one in results) else "error"
    return bool(results) and any(one.word == wanted for one in routine.said)
