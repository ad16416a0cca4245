"""Routines that are made in loops or by tables: `stub`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from pykasm.errors import PlaceMistake
from pykasm.lang.assembly import finish
from pykasm.lang.builder import building
from pykasm.lang.convention import Kind, Signature
from pykasm.lang.function import TEXT
from pykasm.lang.reference import SymbolReference
from pykasm.lang.routinebuilder import RoutineBuilder
from pykasm.lang.symbolic import BranchOperand
from pykasm.lang.unit import Unit
from pykasm.objects.debug import EntryFrame
from pykasm.source import Moment, Source, author_frame, moment_of


def stub(
    name: str,
    *,
    bits: int = 64,
    entered: EntryFrame = EntryFrame.CALL,
    stack: int = 0,
    maskable: bool = False,
) -> AbstractContextManager[BranchOperand]:
    """A routine without a frame, named `name` in its subsystem, made inside `@emits`.

    `entered` says what is on the stack when it is entered; with `stack`, that is one of its own of
    so many bytes. `maskable`: it is entered by interrupts that come only where interrupts are on.
    The value is the stub as an operand, for jumps and tables.
    """
    unit = _current_unit()
    unit.check_end()
    frame = author_frame()
    assert frame is not None
    declared = Source(frame.f_code.co_filename, frame.f_lineno)
    builder = RoutineBuilder(
        unit, f"{unit.name}.{name}", Kind.NAKED, bits, Signature(), frame.f_code, declared
    )
    moment = moment_of(frame)
    unit.forgotten.append(moment)
    options = {"entered": entered, "stack": stack, "maskable": maskable}
    return _written(builder, stub_address(unit.name, name, bits), options, moment)


@contextmanager
def _written(
    builder: RoutineBuilder, address: BranchOperand, options: dict[str, Any], moment: Moment
) -> Iterator[BranchOperand]:
    builder.unit.forgotten.remove(moment)
    with building(builder):
        yield address
        finish(builder, True)
    builder.unit.routines.append(builder.routine(TEXT, **options))


def stub_address(owner: str, name: str, bits: int | None = None) -> BranchOperand:
    """The stub `name` of the subsystem called `owner`, as an operand or an initial value."""
    symbol = f"{owner}.{name}"
    return BranchOperand(SymbolReference(lambda: symbol), symbol, bits=bits)


_units: list[Unit] = []


@contextmanager
def assembling(unit: Unit) -> Iterator[None]:
    """Add stubs inside to `unit`."""
    _units.append(unit)
    try:
        yield
    finally:
        _units.pop()


def unit_being_written() -> Unit | None:
    """The unit whose code is being written, if any is."""
    return _units[-1] if _units else None


def _current_unit() -> Unit:
    if not _units:
        raise PlaceMistake(
            "`stub` outside of a method marked `@emits`",
            expected="`@emits` above the method that makes stubs",
            got="Python that runs while nothing is being assembled",
        )
    return _units[-1]
