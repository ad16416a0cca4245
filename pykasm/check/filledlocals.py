"""What functions own in locals of their own, where callees have put it."""

from __future__ import annotations

from typing import NamedTuple

from iced_x86 import Mnemonic, OpKind, RegisterExt
from iced_x86 import Register as IcedRegister

from pykasm.check.build import FunctionAnalysis
from pykasm.check.convention import RESULTS
from pykasm.check.effects import RBP
from pykasm.check.graph import Node
from pykasm.check.operands import number_of
from pykasm.check.ownedfields import FieldFlow
from pykasm.check.ownership import OWNED
from pykasm.check.valuepath import NEGATIVE, ZERO, Path, Value
from pykasm.lang.convention import ARGUMENTS, SLOT
from pykasm.lang.structs import is_struct, owning_offsets
from pykasm.lang.types import TypeMeta

UNSURE = -5
"""A callee has filled the field, if it has not failed."""

_LOCAL = 1 << 20
"""Places from here on are fields of locals, by their distance below this; those of words of the
stack that nobody has the address of are lower."""

_LOOKS = (Mnemonic.CMP, Mnemonic.TEST, Mnemonic.LEA, Mnemonic.NOP)
"""Instructions that change nothing in memory, and load nothing from it."""


class Filled(NamedTuple):
    """The fields of a local at these displacements from rbp have something; if `may_fail`, unless
    the callee returned an error."""

    displacements: tuple[int, ...]
    may_fail: bool


class FilledFlow(FieldFlow):
    """Follows what a function owns, also in the locals whose addresses it has given callees to fill
    them. Who gets the address of such a local otherwise may give away what that has."""

    def __init__(self, function: FunctionAnalysis, is_exact: bool = False) -> None:
        super().__init__(function, is_exact)
        self._filling: list[Filled] = []
        """What the call that is looked at fills."""
        self._has_filled = False

    # Callees

    def call(self, index: int, node: Node, path: Path) -> None:
        """See which locals a callee gets to fill, or for something else."""
        super().call(index, node, path)
        signature = self.signature(node)
        self._filling = []
        if signature is None:
            for register in ARGUMENTS:
                self._forget_local(path, self._address(path.values.get(register.number)))
            return
        may_fail = any(one._fails for one in signature.results[:1])
        for one in signature.parameters:
            value = path.values.get(one.register.number) if one.register is not None else None
            address = self._address(value)
            if one.register is None:
                self._forget_all(path)
            if address is None or value is None:
                continue
            target: TypeMeta | None = getattr(one.type, "_target", None)
            if value.root is None and target is not None and is_struct(target):
                self._forget_range(path, address, address + target._size)
            else:
                self._forget_local(path, address)
            if one.type._filled and (may_fail or not signature.results):
                fields = (address + offset for offset in owning_offsets(target))
                self._filling.append(Filled((*fields,), may_fail))

    def returned(self, index: int, node: Node, path: Path) -> None:
        """Own what a callee has put into fields of locals."""
        super().returned(index, node, path)
        for one in self._filling if node.is_call else ():
            self._has_filled = True
            for displacement in one.displacements:
                place = _LOCAL - displacement
                value = Value(index, place)
                path.define(place, value)
                path.states[value] = UNSURE if one.may_fail else OWNED

    def tested(self, path: Path, value: Value, width: int, sign: int) -> None:
        """A callee that returned an error has filled nothing."""
        super().tested(path, value, width, sign)
        for one in self._unsure(path, value.whole):
            if value.root is None and not sign & NEGATIVE:
                path.states[one] = OWNED
            elif not sign & ZERO:
                self._forget_place(path, one.number)

    # The function's own instructions

    def use(self, index: int, node: Node, path: Path) -> None:
        """Say nothing more of fields that are used in other ways than by loads and looks."""
        super().use(index, node, path)
        if not self._has_filled or max(path.values, default=0) < _LOCAL - SLOT:
            return
        instruction = node.effects.instruction
        if instruction.is_string_instruction:
            self._forget_all(path)
        displacement = self._displacement(node, path)
        is_load = node.effects.mnemonic == Mnemonic.MOV and instruction.op0_kind != OpKind.MEMORY
        if displacement is None or is_load or node.effects.mnemonic in _LOOKS:
            return
        if instruction.memory_index != IcedRegister.NONE:
            self._forget_local(path, displacement)
        self._forget_range(path, displacement - SLOT + 1, displacement + SLOT)

    def loaded(self, index: int, node: Node, path: Path, number: int) -> None:
        """Take a field's content for what the callee has put there."""
        place = self._filled_place(node, path)
        is_whole = RegisterExt.size(node.effects.instruction.op0_register) == SLOT
        if place is None:
            super().loaded(index, node, path, number)
        elif is_whole:
            path.move(number, place)
        else:
            self._forget_place(path, place)

    def memory_place(self, node: Node, path: Path) -> int | None:
        """Return the field that is compared."""
        found = self._filled_place(node, path)
        return super().memory_place(node, path) if found is None else found

    def store(self, index: int, node: Node, path: Path, source: int | None) -> None:
        """Say nothing more of a local whose address is stored."""
        super().store(index, node, path, source)
        value = path.values.get(source) if source is not None else None
        self._forget_local(path, self._address(value))

    # Places

    def _filled_place(self, node: Node, path: Path) -> int | None:
        displacement = self._displacement(node, path)
        place = None if displacement is None else _LOCAL - displacement
        return place if place in path.values else None

    def _displacement(self, node: Node, path: Path) -> int | None:
        """Return the distance from rbp of what an instruction names in memory, if that is known to
        be in a local."""
        instruction = node.effects.instruction
        base = number_of(instruction.memory_base)
        distance: int = instruction.memory_displacement
        distance -= (distance >> 63) << 64
        if base == RBP:
            return distance
        address = self._address(path.values.get(base)) if base is not None else None
        return None if address is None else address + distance

    def _address(self, value: Value | None) -> int | None:
        """Return the distance from rbp that `value` is the address of; of what is computed from
        one, that one's."""
        site = value.whole.site if value is not None else -1
        if site < 0:
            return None
        node = self.nodes[site]
        instruction = node.effects.instruction
        is_address = node.effects.mnemonic == Mnemonic.LEA
        if not is_address or instruction.memory_base != IcedRegister.RBP:
            return None
        distance: int = instruction.memory_displacement
        return distance - ((distance >> 63) << 64)

    def _unsure(self, path: Path, result: Value) -> list[Value]:
        """Return what a callee has filled if it has not failed, which `result` tells."""
        return [
            one
            for one, state in path.states.items()
            if state == UNSURE and one.site == result.site and result.number == RESULTS[0]
        ]

    def _forget_local(self, path: Path, address: int | None) -> None:
        """Say nothing more of the local that has the byte at a distance from rbp."""
        if address is None:
            return
        for local in self.function.routine.locals:
            start, end = local._displacement, local._displacement + local._kind._size
            if start <= address < end:
                self._forget_range(path, start, end)

    def _forget_range(self, path: Path, start: int, end: int) -> None:
        for place in [one for one in path.values if start <= _LOCAL - one < end]:
            self._forget_place(path, place)

    def _forget_place(self, path: Path, place: int) -> None:
        value = path.values.get(place)
        if value is not None:
            path.states.pop(value, None)
            path.drop((place,))

    def _forget_all(self, path: Path) -> None:
        for place in [one for one in path.values if one > _LOCAL - SLOT]:
            self._forget_place(path, place)
