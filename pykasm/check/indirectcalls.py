"""The possible targets of calls through pointers, by the types of pointers and functions."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import NamedTuple

from pykasm.isa.code import Line
from pykasm.isa.statement import BranchTarget
from pykasm.lang.context import Context
from pykasm.lang.convention import Signature
from pykasm.lang.data import Data, Storage
from pykasm.lang.fitting import function_fits
from pykasm.lang.objects import PlacedRoutine
from pykasm.lang.operand import Operand
from pykasm.lang.operands import MemoryOperand
from pykasm.lang.routine import Routine
from pykasm.lang.types import Fn, TypeMeta, is_named, plain
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


class TakenAddresses(NamedTuple):
    """The functions whose addresses are taken: for pointers to functions, by their type, and the
    `others`, which may come to be any pointer."""

    by_type: dict[TypeMeta, set[str]]
    others: set[str]

    @classmethod
    def of(
        cls, takers: Iterable[tuple[Iterable[str], Collection[tuple[str, TypeMeta]]]]
    ) -> TakenAddresses:
        """Return what `takers` take, data and functions: each with the symbols whose addresses it
        has, and which of these for which types."""
        made = cls({}, set())
        for symbols, taken_as in takers:
            for symbol, kind in taken_as:
                made.by_type.setdefault(kind, set()).add(symbol)
            made.others.update(set(symbols).difference(symbol for symbol, _ in taken_as))
        return made


class IndirectCalls:
    """The targets of indirect calls: the functions whose addresses code or data of a build have.

    `routines` and `data` are those of the build by their symbols, `pointees` the symbols that each
    datum points to, `taken` whose addresses are taken.
    """

    def __init__(
        self,
        routines: Mapping[str, PlacedRoutine],
        data: Mapping[str, Data],
        pointees: Mapping[str, Sequence[str]],
        taken: TakenAddresses,
    ) -> None:
        self._data = data
        self._pointees = pointees
        self._taken_as = taken.by_type
        self._others = taken.others
        symbols = taken.others.union(*taken.by_type.values())
        self._functions = {
            symbol: placed.routine
            for symbol, placed in routines.items()
            if symbol in symbols and placed.routine.entered is EntryFrame.CALL
        }
        self._by_type: dict[TypeMeta, dict[str, None]] = {}

    @cached_property
    def contexts(self) -> dict[str, set[Context]]:
        """The contexts in which functions run by the types of pointers to them."""
        found: dict[str, set[Context]] = {}
        for _, context, symbol in self.called_in_contexts():
            found.setdefault(symbol, set()).add(context)
        return found

    def called_in_contexts(self) -> Iterator[tuple[TypeMeta, Context, str]]:
        """Yield the types of pointers that state a context, with it and each of their functions."""
        for kind, symbols in self._taken_as.items():
            context = kind._context if issubclass(kind, Fn) else None
            if context is not None:
                yield from ((kind, context, symbol) for symbol in sorted(symbols))

    @cached_property
    def sleeping(self) -> dict[str, TypeMeta]:
        """The functions that sleep by the type of pointers to them, with that type."""
        return {
            symbol: kind
            for kind, symbols in self._taken_as.items()
            if issubclass(kind, Fn) and kind._sleeps
            for symbol in sorted(symbols)
        }

    def known_targets(self, target: IndirectTarget) -> Collection[str] | None:
        """Return the functions that a call comes to through a constant table, or through a pointer
        whose type has a name; None if it is another one."""
        table, kind = self._fixed_table(target.datum), target.kind
        if table is not None:
            fitting = self._functions if kind is None else self._of_type(kind)
            return [one for one in dict.fromkeys(table) if one in fitting]
        return self._of_type(kind) if kind is not None and is_named(kind) else None

    def targets(self, target: IndirectTarget, caller: Routine) -> Collection[str] | None:
        """Return the functions that a call through a pointer may come to; None if unknown.

        Of a type without a name these are all functions that fit, since data and arguments only
        take such, but for those that state another context than the caller's. So there may be some
        among them that are never called from here.
        """
        targets, kind = self.known_targets(target), target.kind
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

    def _of_type(self, kind: TypeMeta) -> Collection[str]:
        if kind not in self._by_type:
            # an address that is taken for nothing in particular may come to be any pointer
            taken = self._others | self._taken_as.get(kind, set())
            fitting = [
                symbol
                for symbols in self._by_signature.values()
                if function_fits(kind, self._functions[symbols[0]].signature)
                for symbol in symbols
                if symbol in taken
            ]
            self._by_type[kind] = dict.fromkeys(sorted(fitting, key=self._order.__getitem__))
        return self._by_type[kind]

    @cached_property
    def _order(self) -> dict[str, int]:
        """The place of each function in the order of the code."""
        return {symbol: number for number, symbol in enumerate(self._functions)}

    @cached_property
    def _by_signature(self) -> dict[tuple[object, ...], list[str]]:
        """The functions by the types in their signatures: few differ in these."""
        found: dict[tuple[object, ...], list[str]] = {}
        for symbol, routine in self._functions.items():
            found.setdefault(_types_of(routine.signature), []).append(symbol)
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
    function = plain(kind) if isinstance(kind, TypeMeta) and issubclass(kind, Fn) else None
    return IndirectTarget(symbol, function, line.statement.mnemonic == "call")
