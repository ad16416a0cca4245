"""The possible targets of calls through pointers, by the types of pointers and functions."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from functools import cached_property
from typing import NamedTuple

from pykasm.isa.code import Line
from pykasm.isa.statement import BranchTarget
from pykasm.lang.convention import Signature
from pykasm.lang.data import Data, Storage
from pykasm.lang.fitting import function_fits
from pykasm.lang.objects import PlacedRoutine
from pykasm.lang.operand import Operand
from pykasm.lang.operands import MemoryOperand
from pykasm.lang.routine import Routine
from pykasm.lang.types import Fn, TypeMeta
from pykasm.objects.debug import EntryFrame

OF_TYPE = "a function of this pointer's type,"
OWN_TYPE = ", or give the functions that are called here a type of their own"
"""How findings tell of a target that only the type of a pointer makes possible."""

_OPPOSITE = {"thread": "interrupt", "interrupt": "thread"}
"""The context that code of a context never runs in."""


class IndirectTarget(NamedTuple):
    """What a call or jump goes by: the symbol of the `datum` that the pointer lies in, and the
    `kind` of functions that it points to, None where it does not say."""

    datum: str | None
    kind: TypeMeta | None
    is_call: bool


class IndirectCalls:
    """The targets of indirect calls: the functions whose addresses code or data of a build have.

    `routines` and `data` are those of the build by their symbols, `pointees` the symbols that each
    datum points to, `taken` those whose addresses code takes.
    """

    def __init__(
        self,
        routines: Mapping[str, PlacedRoutine],
        data: Mapping[str, Data],
        pointees: Mapping[str, Sequence[str]],
        taken: Container[str],
    ) -> None:
        self._data = data
        self._pointees = pointees
        pointed_to = {symbol for table in pointees.values() for symbol in table}
        self._functions = {
            symbol: placed.routine
            for symbol, placed in routines.items()
            if placed.routine.entered is EntryFrame.CALL
            and (symbol in pointed_to or symbol in taken)
        }
        self._by_type: dict[TypeMeta, tuple[str, ...]] = {}

    def table_targets(self, target: IndirectTarget) -> list[str] | None:
        """Return the functions that a call may come to through a constant table; None if it goes
        through none."""
        table, kind = self._fixed_table(target.datum), target.kind
        if table is None:
            return None
        fitting = self._functions if kind is None else self._of_type(kind)
        return [one for one in dict.fromkeys(table) if one in fitting]

    def targets(self, target: IndirectTarget, caller: Routine) -> Sequence[str] | None:
        """Return the functions that a call through a pointer may come to; None if unknown.

        Without a table these are all functions of the pointer's type, since data and arguments
        only take functions that fit, but for those that state another context than the caller's.
        So there may be some among them that are never called from here.
        """
        targets, kind = self.table_targets(target), target.kind
        if targets is not None or kind is None:
            return targets
        opposite = _OPPOSITE.get(caller.context or "any", "")
        return [one for one in self._of_type(kind) if self._functions[one].context != opposite]

    def _fixed_table(self, symbol: str | None) -> Sequence[str] | None:
        """Return the symbols in the datum that the pointer lies in, if that is read-only."""
        datum = None if symbol is None else self._data.get(symbol)
        if datum is None or datum._storage is not Storage.RODATA:
            return None
        return self._pointees[datum._symbol]

    def _of_type(self, kind: TypeMeta) -> tuple[str, ...]:
        if kind not in self._by_type:
            fitting = {
                types: function_fits(kind, self._functions[symbols[0]].signature)
                for types, symbols in self._by_signature.items()
            }
            self._by_type[kind] = tuple(
                symbol for symbol in self._functions if fitting[self._types[symbol]]
            )
        return self._by_type[kind]

    @cached_property
    def _types(self) -> dict[str, tuple[object, ...]]:
        """The types in the signature of each function."""
        return {symbol: _types_of(one.signature) for symbol, one in self._functions.items()}

    @cached_property
    def _by_signature(self) -> dict[tuple[object, ...], list[str]]:
        """The functions by the types in their signatures: few differ in these."""
        found: dict[tuple[object, ...], list[str]] = {}
        for symbol, types in self._types.items():
            found.setdefault(types, []).append(symbol)
        return found


def _types_of(signature: Signature) -> tuple[object, ...]:
    parameters = tuple(one.type for one in signature.parameters)
    return parameters, signature.results, signature.never_returns


def indirect_targets(routine: Routine) -> dict[int, IndirectTarget]:
    """Return what the calls and jumps of a function go by, but for those to a place with a name, by
    the numbers of the instructions."""
    lines = (item for item in routine.items if isinstance(item, Line))
    return {
        at: _target(line)
        for at, line in enumerate(lines)
        if line.statement.mnemonic in _BRANCHES
        and not isinstance(line.statement.operands[0], BranchTarget)
    }


_BRANCHES = ("call", "jmp")


def _target(line: Line) -> IndirectTarget:
    pointer = line.written[0] if line.written else None  # None: nobody wrote it
    reference = pointer._reference if isinstance(pointer, MemoryOperand) else None
    symbol = None if reference is None else str(reference._target())
    kind = pointer._kind if isinstance(pointer, Operand) else None
    is_function = isinstance(kind, TypeMeta) and issubclass(kind, Fn)
    return IndirectTarget(symbol, kind if is_function else None, line.statement.mnemonic == "call")
