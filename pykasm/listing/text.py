"""The listing as text: the `.lst` file, and the same in colour for the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pykasm.listing.model import FunctionListing, Group, Instruction, UnitListing

BYTES_SHOWN = 11
"""Bytes of an instruction on one line; the few longer ones go on below."""

WIDTH = 96
"""Columns between a heading's left and right side."""


def listing_text(units: Sequence[UnitListing]) -> str:
    """The whole listing."""
    return "\n".join(line for unit in units for line in unit_lines(unit)) + "\n"


def unit_lines(unit: UnitListing) -> Iterator[str]:
    """A subsystem: its functions, then its data."""
    yield f"{unit.name}  {unit.size} bytes".ljust(WIDTH, " ")
    yield "=" * WIDTH
    yield ""
    for function in unit.functions:
        yield from function_lines(function)
    if unit.data:
        yield from data_lines(unit)


def data_lines(unit: UnitListing) -> Iterator[str]:
    """The data of a subsystem."""
    yield f"{unit.name}: data"
    for one in unit.data:
        yield f"  {one.address:016x}  {one.size:8}  {one.storage:10} {one.symbol}: {one.type}"
    yield ""


def function_lines(function: FunctionListing) -> Iterator[str]:
    """A function: heading, facts, code under the lines that made it."""
    place = f"{function.file}:{function.line}  {function.size} bytes"
    yield f"{function.heading}  {place:>{max(0, WIDTH - len(function.heading) - 2)}}"
    yield f"  {function.facts}"
    yield ""
    for group in function.groups:
        yield from _group_lines(group)
    yield ""


def _group_lines(group: Group) -> Iterator[str]:
    yield f"  {group.line} | {group.text}"
    for row in group.rows:
        if isinstance(row, Instruction):
            yield from instruction_lines(row)
        else:
            yield f"  {row.name}:"


def instruction_lines(row: Instruction) -> Iterator[str]:
    """An instruction, on more than one line if its bytes need them."""
    code = row.code.hex()
    first, rest = code[: 2 * BYTES_SHOWN], code[2 * BYTES_SHOWN :]
    text = f"  {row.address:016x}  {first:22}  {row.mnemonic:6} {row.operands}".rstrip()
    yield f"{text:<72} ; {row.comment}" if row.comment else text
    if rest:
        yield f"  {'':16}  {rest}"
