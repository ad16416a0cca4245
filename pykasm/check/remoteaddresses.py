"""Addresses by which code finds nothing, such as physical ones, on the paths through a function."""

from __future__ import annotations

from iced_x86 import Mnemonic
from iced_x86 import Register as IcedRegister

from pykasm.check.build import FunctionAnalysis
from pykasm.check.graph import Node
from pykasm.check.operands import address_registers
from pykasm.check.valueflow import ValueFlow, given_in_place
from pykasm.check.valuepath import AT_ENTRY, PART, Path, Value
from pykasm.lang.builder import RemotePlace
from pykasm.lang.operands import MemoryOperand
from pykasm.lang.types import TypeMeta

REMOTE = 1
"""It is such an address, and nothing has been computed from it yet."""

_FINDING_NOTHING = (Mnemonic.LEA, Mnemonic.NOP)


class RemoteFlow(ValueFlow):
    """Follows such addresses until something is computed from them."""

    def __init__(self, function: FunctionAnalysis, is_exact: bool = False) -> None:
        super().__init__(function, is_exact)
        self.followed: dict[int, int] = {}
        """The instructions that go by them, with where they come from."""

    @property
    def has_findings(self) -> bool:
        """Whether one is followed."""
        return bool(self.followed)

    def enter(self, path: Path) -> None:
        """Take note of parameters."""
        for one in self.function.routine.signature.parameters:
            if one.register is not None and one.type._remote:
                path.states[Value(AT_ENTRY, one.register.number)] = REMOTE

    def given(self, path: Path, value: Value, kind: TypeMeta) -> None:
        """Take note of results."""
        if kind._remote:
            path.states[value] = REMOTE

    def loaded(self, index: int, node: Node, path: Path, number: int) -> None:
        """Take note of what is in memory."""
        if any(isinstance(one, MemoryOperand) and one._kind._remote for one in node.line.written):
            path.states[Value(index, number)] = REMOTE

    def use(self, index: int, node: Node, path: Path) -> None:
        """Check the address that an instruction goes by, where it is all that it goes by."""
        instruction = node.effects.instruction
        is_sum = instruction.memory_index != IcedRegister.NONE
        if not path.states or is_sum or node.effects.mnemonic in _FINDING_NOTHING:
            return
        for number in address_registers(instruction):
            value = path.values.get(number)
            is_near = value is not None and (value.root is None or value.nearness == PART)
            if value is not None and is_near and value.whole in path.states:
                self.followed.setdefault(index, value.whole.site)

    def changed(self, index: int, path: Path) -> None:
        """Forget what is nowhere any more."""
        for value in [one for one in path.states if not path.is_somewhere(one)]:
            del path.states[value]


def follows_remote(function: FunctionAnalysis) -> bool:
    """Return whether a function has to do with such addresses."""
    routine, build = function.routine, function.build
    told = [one.type for one in routine.signature.parameters]
    told += given_in_place(routine)
    is_told = any(one._remote for one in told) or RemotePlace in routine.operand_roles
    return is_told or not build.remote.isdisjoint(routine.targets)
