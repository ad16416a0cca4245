"""Where calls through pointers go, by the types of the pointers and of the functions."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from functools import cached_property

from pykasm.isa.code import Line
from pykasm.lang.data import Data, Storage
from pykasm.lang.fitting import function_fits
from pykasm.lang.objects import PlacedRoutine
from pykasm.lang.operand import Operand
from pykasm.lang.operands import MemoryOperand
from pykasm.lang.routine import Routine
from pykasm.lang.types import Fn, TypeMeta
from pykasm.objects.debug import EntryFrame

_OTHER = {"thread": "interrupt", "interrupt": "thread"}
"""The context that code of a context never runs in."""


class IndirectCalls:
    """The functions whose addresses some code or datum of the build has.

    `routines` and `data` are those of the build by their symbols, `tables` the symbols that each
    datum points to, `taken` those whose addresses code takes.
    """

    def __init__(
        self,
        routines: Mapping[str, PlacedRoutine],
        data: Mapping[str, Data],
        tables: Mapping[str, Sequence[str]],
        taken: Container[str],
    ) -> None:
        self._data = data
        self._tables = tables
        pointed_to = {symbol for table in tables.values() for symbol in table}
        self._functions = {
            symbol: placed.routine
            for symbol, placed in routines.items()
            if placed.routine.entered is EntryFrame.CALL
            and (symbol in pointed_to or symbol in taken)
        }
        self._by_type: dict[TypeMeta, tuple[str, ...]] = {}

    def listed(self, line: Line) -> list[str] | None:
        """The functions that a call may come to through a table that never changes; None if it
        does not go through one."""
        table, kind = self._fixed_table(_pointer(line)), _function_type(line)
        if table is None:
            return None
        fitting = self._functions if kind is None else self._of_type(kind)
        return [one for one in dict.fromkeys(table) if one in fitting]

    def targets(self, line: Line, caller: Routine) -> Sequence[str] | None:
        """The functions that a call through a pointer may come to; None if nobody knows.

        Where no table tells, these are all functions of the pointer's type, since data and calls
        only take functions that fit, but for those that state that they run elsewhere than the
        caller states. So there may be some among them that it never comes to.
        """
        listed, kind = self.listed(line), _function_type(line)
        if listed is not None or kind is None:
            return listed
        other = _OTHER.get(caller.context or "any")
        return [one for one in self._of_type(kind) if self._functions[one].context != (other or "")]

    def _fixed_table(self, pointer: object) -> Sequence[str] | None:
        """The symbols in the datum that the pointer lies in, where those never change."""
        if not isinstance(pointer, MemoryOperand) or pointer._reference is None:
            return None
        datum = self._data.get(str(pointer._reference._target()))
        if datum is None or datum._storage is not Storage.RODATA:
            return None
        return self._tables[datum._symbol]

    def _of_type(self, kind: TypeMeta) -> tuple[str, ...]:
        if kind not in self._by_type:
            parameters = kind._parameters  # type: ignore[attr-defined] # a type of functions has them
            self._by_type[kind] = tuple(
                symbol
                for symbol in self._by_count.get(len(parameters), ())
                if function_fits(kind, self._functions[symbol].signature)
            )
        return self._by_type[kind]

    @cached_property
    def _by_count(self) -> dict[int, list[str]]:
        """The functions by how many parameters they have."""
        found: dict[int, list[str]] = {}
        for symbol, one in self._functions.items():
            found.setdefault(len(one.signature.parameters), []).append(symbol)
        return found


def _pointer(line: Line) -> object:
    """What the instruction goes by, as it was written; None for one that nobody wrote."""
    return line.written[0] if line.written else None


def _function_type(line: Line) -> TypeMeta | None:
    """The type of the pointer to functions that the instruction goes by."""
    pointer = _pointer(line)
    kind = pointer._kind if isinstance(pointer, Operand) else None
    return kind if isinstance(kind, TypeMeta) and issubclass(kind, Fn) else None
