"""Makes listings from assembled units and the linked image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pykasm.isa.code import Item, Label, Line, PlacedLine
from pykasm.isa.statement import BranchTarget
from pykasm.listing.model import (
    DatumListing,
    FunctionListing,
    Group,
    Instruction,
    Mark,
    UnitListing,
)
from pykasm.listing.operands import branch_label, shown_operands
from pykasm.source import Source, shown_path

if TYPE_CHECKING:
    from pykasm.lang.image import PackedData, Program
    from pykasm.lang.objects import AssembledUnit, PlacedRoutine
    from pykasm.lang.routine import Routine


def make_listing(program: Program, units: Sequence[AssembledUnit]) -> list[UnitListing]:
    """A listing of every unit of `program`."""
    return [unit_listing(unit, program.packed[unit.name]) for unit in units]


def unit_listing(unit: AssembledUnit, packed: Sequence[PackedData]) -> UnitListing:
    """A listing of one unit, whose data are `packed`."""
    return UnitListing(unit.name, [_function(one) for one in unit.routines], [*map(_datum, packed)])


def _datum(one: PackedData) -> DatumListing:
    datum = one.datum
    return DatumListing(
        datum._symbol, len(one.bytes), repr(datum._kind), datum._storage.value.strip(".")
    )


def _function(placed: PlacedRoutine) -> FunctionListing:
    routine = placed.routine
    return FunctionListing(
        routine.symbol,
        _heading(routine),
        shown_path(routine.declared.file),
        routine.declared.line,
        len(placed.code.code),
        _facts(routine),
        _Grouping(placed).run(),
    )


def _heading(routine: Routine) -> str:
    given = ", ".join(
        f"{one.name}: {one.type!r} = {one.register.name if one.register else 'stack'}"
        for one in routine.signature.parameters
    )
    results = ", ".join(repr(one) for one in routine.signature.results)
    return f"{routine.symbol}({given})" + (f" -> {results}" if results else "")


def _facts(routine: Routine) -> str:
    facts = [f"{routine.kind.value}" + (f", {routine.bits}-bit" if routine.bits != 64 else "")]
    kept = [f"{r.register.name} = {r.name}" for r in routine.roles if r.kind == "keep"]
    if kept:
        facts.append("keeps " + ", ".join(dict.fromkeys(kept)))
    if routine.frame_bytes:
        facts.append(f"stack {routine.frame_bytes} bytes")
    calls = dict.fromkeys(
        reference.target
        for item in routine.items
        if isinstance(item, Line)
        for reference in item.references
        if isinstance(reference.target, str)
        and isinstance(item.statement.operands[reference.operand], BranchTarget)
    )
    if calls:
        facts.append("calls " + ", ".join(calls))
    return " · ".join(facts)


class _Grouping:
    """Puts a routine's instructions under the lines of its body."""

    def __init__(self, placed: PlacedRoutine) -> None:
        self.routine = placed.routine
        self.placed = iter(placed.code.lines)
        self.code = placed.code.code
        self.linked = sorted({one.offset for one in placed.code.relocations}, reverse=True)
        self.names = _label_names(placed.routine.items)
        self.lines_at = _lines_at_labels(placed.routine.items)
        self.groups: list[Group] = []
        self.waiting: list[Mark] = []

    def run(self) -> list[Group]:
        """The groups in the order of the code."""
        for item in self.routine.items:
            if isinstance(item, Label) and item in self.names:
                self.waiting.append(Mark(self.names[item]))
            elif isinstance(item, Line):
                self._add(item, next(self.placed))
        if self.waiting and self.groups:
            self.groups[-1].rows += self.waiting
        return self.groups

    def _add(self, line: Line, placed: PlacedLine) -> None:
        if not self.groups or self.groups[-1].line != line.body_line:
            source = Source(self.routine.declared.file, line.body_line)
            self.groups.append(Group(line.body_line, source.text.strip()))
        self.groups[-1].rows += self.waiting
        self.waiting = []
        self.groups[-1].rows.append(self._instruction(line, placed))

    def _instruction(self, line: Line, placed: PlacedLine) -> Instruction:
        statement = line.statement
        start, end = placed.offset, placed.offset + placed.size
        return Instruction(
            start,
            self.code[start:end],
            self._is_linked(end),
            f"{statement.prefix} {statement.mnemonic}".strip(),
            shown_operands(line, lambda one: self.names.get(one, one.name)),
            self._comment(line),
        )

    def _is_linked(self, end: int) -> bool:
        """Whether the linker changes something before `end` that is not behind it already."""
        is_linked = bool(self.linked) and self.linked[-1] < end
        while self.linked and self.linked[-1] < end:
            self.linked.pop()
        return is_linked

    def _comment(self, line: Line) -> str:
        target = branch_label(line)
        if target is not None and target in self.lines_at:
            return str(self.lines_at[target])
        own = Source(self.routine.declared.file, line.body_line)
        return "" if line.source == own else str(line.source)


def _label_names(items: Sequence[Item]) -> dict[Label, str]:
    """Names for the labels that are branched to, numbered where several have the same."""
    used = {branch_label(item) for item in items if isinstance(item, Line)}
    names: dict[Label, str] = {}
    counts: dict[str, int] = {}
    for item in items:
        if isinstance(item, Label) and item in used:
            counts[item.name] = counts.get(item.name, 0) + 1
            number = counts[item.name]
            names[item] = f".{item.name}{number if number > 1 else ''}"
    return names


def _lines_at_labels(items: Sequence[Item]) -> dict[Label, int]:
    """The line of the body that each label's next instruction belongs to."""
    found: dict[Label, int] = {}
    line = None
    for item in reversed(items):
        if isinstance(item, Line):
            line = item.body_line
        elif isinstance(item, Label) and line is not None:
            found[item] = line
    return found
