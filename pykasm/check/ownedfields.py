"""What fields own, on the paths through a function that fills, overwrites and frees them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from iced_x86 import Mnemonic
from iced_x86 import Register as IcedRegister

from pykasm.check.build import FunctionAnalysis
from pykasm.check.dataflow import writes_memory
from pykasm.check.graph import Node
from pykasm.check.operands import number_of
from pykasm.check.ownership import GONE, OWNED, is_owned, is_owner
from pykasm.check.references import ReferenceFlow
from pykasm.check.valuepath import WIDE, ZERO, Path, Value
from pykasm.isa.code import Label
from pykasm.isa.statement import Address
from pykasm.lang.structs import is_struct
from pykasm.lang.types import TypeMeta

FILLED, LOADED, BORROWED = 0, 1, 2
"""The field has what the function has put there, which was not null; it has what was loaded from
it; what was loaded belongs to what has the field, in this field or another way."""

_KINDS = 3
_FIRST = -16
"""States from here on downwards are pairs of these with a field."""

_FIELD_SIZE = 8

_DATUM = -3
"""The index that stands for the instruction which made the address of a datum: there is none."""

_MOVES = (Mnemonic.MOV, Mnemonic.XCHG)
_FOLLOWED_READS = (
    *(*_MOVES, Mnemonic.MOVZX, Mnemonic.MOVSX, Mnemonic.MOVSXD),
    *(Mnemonic.CMP, Mnemonic.TEST, Mnemonic.LEA),
)
"""Instructions that read memory such that values are followed, or that nobody gets any."""


class Place(NamedTuple):
    """A field of what `base` points to, at `displacement`."""

    base: Value
    displacement: int


class Held(NamedTuple):
    """`value` belongs to the field `place`, in the way that `kind` tells."""

    value: Value
    kind: int
    place: Place


class FieldFlow(ReferenceFlow):
    """Follows what a function owns, and what is owned by the fields that it uses.

    Who overwrites a field, or frees the memory of a struct alone, owns what the field had. That is
    lost for certain if it is not passed to anybody at all afterwards.
    """

    def __init__(self, function: FunctionAnalysis, is_exact: bool = False) -> None:
        super().__init__(function, is_exact)
        self.replaced: dict[Value, int] = {}
        """What the function owns because its field has it no more, and since where."""
        self.lost_contents: dict[int, Value] = {}
        """What of that is lost, by the instruction that took it from its field."""
        self._places: list[Place] = []
        self._data: list[str | Label] = []

    # Instructions

    @property
    def has_findings(self) -> bool:
        """Whether something is lost."""
        return bool(super().has_findings or self.lost_contents)

    def use(self, index: int, node: Node, path: Path) -> None:
        """See what instructions write that are no moves, and what is known by another name."""
        super().use(index, node, path)
        if not path.states:
            return
        is_followed = node.effects.mnemonic in _MOVES or node.is_call
        is_frame = node.effects.frame_access is not None
        if not is_followed and not is_frame and writes_memory(node):
            self._forget(path, None)
        if node.effects.mnemonic == Mnemonic.CMP and _immediate_free(node):
            for value in self.compared(index, node, path):
                self._pass(path, value)
        elif node.effects.mnemonic not in _FOLLOWED_READS:
            self._expose(node, path)

    def _expose(self, node: Node, path: Path) -> None:
        """Say nothing more of a field that an instruction reads in a way of its own."""
        base, place = number_of(node.effects.instruction.memory_base), self._place(node, path)
        value = path.values.get(base) if base is not None else None
        whole = value.whole if value is not None else None if place is None else place.base
        for one in self._held(path):
            is_its = one.place.base == whole
            if is_its and place in (None, one.place):
                del path.states[one.value]

    def loaded(self, index: int, node: Node, path: Path, number: int) -> None:
        """Take note of what a field owns, also where it is read as something else."""
        super().loaded(index, node, path, number)
        place = self._place(node, path)
        if place is None:
            self._expose(node, path)
        elif place.base.site != index and (
            is_owner(node.line) or any(one.place == place for one in self._held(path))
        ):
            path.states[Value(index, number)] = self._state(LOADED, place)

    def store(self, index: int, node: Node, path: Path, source: int | None) -> None:
        """Own what an overwritten field had; take note of what it has now."""
        place = self._place(node, path)
        value = path.values.get(source) if source is not None else None
        owner = place if is_owner(node.line) else None
        if owner is None:
            self._forget(path, place)
        elif not self._is_content(path, value, owner):
            self._replace(index, path, owner, node.effects.mnemonic == Mnemonic.XCHG)
        is_filling = owner is not None and value is not None and path.states.get(value) == OWNED
        is_something = source is not None and not path.sign(source, WIDE) & ZERO
        super().store(index, node, path, source)
        if value is not None:
            self._pass(path, value, is_given=True)
        if is_filling and is_something and owner is not None and value is not None:
            path.states[value] = self._state(FILLED, owner)

    def call(self, index: int, node: Node, path: Path) -> None:
        """Give away what belongs to what is given away; believe only what no callee can change."""
        if path.states:
            for kind, value in self._arguments(node, path):
                if kind._owned:
                    takes_all = is_struct(getattr(kind, "_target", kind))
                    self._part_with(index, path, value, takes_all)
                self._pass(path, value, kind._owned)
        super().call(index, node, path)
        for one in self._held(path):
            self._doubt(path, one)

    def _arguments(self, node: Node, path: Path) -> Iterator[tuple[TypeMeta, Value]]:
        """Yield the types of parameters with what a callee gets for them in registers."""
        signature = self.signature(node)
        for one in signature.parameters if signature is not None else ():
            value = path.values.get(one.register.number) if one.register is not None else None
            if value is not None:
                yield one.type, value

    def tested(self, path: Path, value: Value, width: int, sign: int) -> None:
        """A field that is null owns nothing."""
        super().tested(path, value, width, sign)
        if sign == ZERO and path.states.get(value, 0) <= _FIRST:
            del path.states[value]

    def pass_result(self, path: Path, value: Value) -> None:
        """Leave what a field has no more to the caller."""
        self._pass(path, value, is_given=True)

    def set_apart(self, value: Value, earlier: Value) -> None:
        """Know of an earlier value what was known of it."""
        super().set_apart(value, earlier)
        if value in self.replaced:
            self.replaced[earlier] = self.replaced[value]

    def changed(self, index: int, path: Path) -> None:
        """Forget the fields of what another value has taken the place of."""
        for one in self._held(path):
            if one.place.base.site == index:
                del path.states[one.value]
        super().changed(index, path)

    def lose(self, value: Value, at: int, is_exit: bool, is_result: bool = False) -> None:
        """Tell of the loss of what a field had where it has that no more."""
        replaced = self.replaced.get(value)
        if replaced is None:
            super().lose(value, at, is_exit, is_result)
        else:
            self.lost_contents.setdefault(replaced, value)

    # What becomes of what fields have

    def _replace(self, index: int, path: Path, place: Place, is_exchange: bool) -> None:
        """Own what the field at `place` has, which is about to get another content; after an
        exchange, what comes out of it is owned."""
        for one in self._held(path):
            if one.place == place:
                self._own(index, path, one, is_exchange or one.kind == BORROWED)
        self._forget(path, place)

    def _part_with(self, index: int, path: Path, base: Value, takes_all: bool) -> None:
        """Give the struct at `base` away with what its fields own, or its memory alone."""
        for one in self._held(path):
            if one.place.base == base and takes_all:
                self._end(path, one.value, index)
            elif one.place.base == base:
                self._own(index, path, one, one.kind == BORROWED)

    def decide(self, path: Path, value: Value, is_last: bool) -> None:
        """What belongs to what another one frees is not to be used any more."""
        super().decide(path, value, is_last)
        if path.states.get(value) == GONE:
            for one in self._held(path):
                if one.place.base == value:
                    self._end(path, one.value, self._given[value])

    def _end(self, path: Path, value: Value, at: int) -> None:
        path.states[value] = GONE
        self._given[value] = at

    def _own(self, index: int, path: Path, one: Held, is_unknown: bool) -> None:
        """Own what a field had, if it is known to have had something."""
        places = path.places_of(one.value)
        is_set = one.kind == FILLED or any(not path.sign(at, WIDE) & ZERO for at in places)
        del path.states[one.value]
        if is_set and not is_unknown:
            path.states[one.value] = OWNED
            self.replaced[one.value] = index

    def _pass(self, path: Path, value: Value, is_given: bool = False) -> None:
        """Somebody else knows a value from now on, or has it to keep if `is_given`."""
        whole = value.whole
        if whole in self.replaced and path.states.get(whole) == OWNED:
            del path.states[whole]
        place = next((one.place for one in self._held(path) if one.value == whole), None)
        for one in self._held(path):
            is_content = one.place == place and (is_given or one.kind == LOADED)
            if one.place.base == whole or is_content:
                del path.states[one.value]

    def _forget(self, path: Path, written: Place | None) -> None:
        """Believe no more what fields have that a store to `written` may have changed; None if
        nobody knows where it goes to."""
        for one in self._held(path):
            if written is None:
                del path.states[one.value]
            elif written.base != one.place.base:
                self._doubt(path, one)
            elif 0 < abs(written.displacement - one.place.displacement) < _FIELD_SIZE:
                del path.states[one.value]

    def _doubt(self, path: Path, one: Held) -> None:
        """Believe only what holds whatever others do who do not get at what the function owns."""
        if not is_owned(path.states.get(one.place.base)):
            del path.states[one.value]
        elif one.kind == LOADED:
            path.states[one.value] = self._state(BORROWED, one.place)

    # States

    def _is_content(self, path: Path, value: Value | None, place: Place) -> bool:
        """Return whether the field at `place` has `value` already."""
        return any(
            value is not None and one.value == value.whole and one.place == place
            for one in self._held(path)
        )

    def _state(self, kind: int, place: Place) -> int:
        if place not in self._places:
            self._places.append(place)
        return _FIRST - kind - _KINDS * self._places.index(place)

    def _held(self, path: Path) -> list[Held]:
        """Return what belongs to fields."""
        return [
            Held(value, (_FIRST - state) % _KINDS, self._places[(_FIRST - state) // _KINDS])
            for value, state in path.states.items()
            if state <= _FIRST
        ]

    def _place(self, node: Node, path: Path) -> Place | None:
        """Return the field that the memory operand of an instruction is, None if nobody knows."""
        instruction = node.effects.instruction
        base = number_of(instruction.memory_base)
        if base is None:
            return self._datum(node)
        value = path.values.get(base)
        is_plain = instruction.memory_index == IcedRegister.NONE and not node.line.references
        if value is None or value.root is not None or not is_plain:
            return None
        displacement = int(instruction.memory_displacement)
        return Place(value, displacement - ((displacement >> 63) << 64))

    def _datum(self, node: Node) -> Place | None:
        """Return the place in a datum that an instruction accesses, None if it accesses none."""
        is_shared = node.effects.instruction.segment_prefix == IcedRegister.NONE
        for one in node.line.references:
            if isinstance(node.line.statement.operands[one.operand], Address) and is_shared:
                if one.target not in self._data:
                    self._data.append(one.target)
                return Place(Value(_DATUM, self._data.index(one.target)), one.addend)
        return None


def _immediate_free(node: Node) -> bool:
    """Return whether an instruction has no number among its operands."""
    return not any(isinstance(one, int) for one in node.line.written)
