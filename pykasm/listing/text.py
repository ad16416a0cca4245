"""The listing as text: the `.lst` file, and the same in colour for the terminal."""

from __future__ import annotations

from collections.abc import Iterator

from pykasm.listing.model import FunctionListing, Group, Instruction, UnitListing
from pykasm.listing.places import Blanks, Places, Template

BYTES_SHOWN = 11
"""Bytes of an instruction on one line; the few longer ones go on below."""

WIDTH = 96
"""Columns between a heading's left and right side."""


def unit_template(unit: UnitListing) -> Template:
    """The text of a subsystem, with blanks for what linking decides."""
    blanks = Blanks()
    return blanks.template("".join(f"{line}\n" for line in unit_lines(unit, blanks)))


def unit_lines(unit: UnitListing, places: Places) -> Iterator[str]:
    """A subsystem: its functions, then its data."""
    yield f"{unit.name}  {unit.size} bytes".ljust(WIDTH, " ")
    yield "=" * WIDTH
    yield ""
    for function in unit.functions:
        yield from function_lines(function, places)
    if unit.data:
        yield from _data_lines(unit, places)


def _data_lines(unit: UnitListing, places: Places) -> Iterator[str]:
    """The data of a subsystem."""
    yield f"{unit.name}: data"
    for one in unit.data:
        place = places.address(one.symbol)
        yield f"  {place}  {one.size:8}  {one.storage:10} {one.symbol}: {one.type}"
    yield ""


def function_lines(function: FunctionListing, places: Places) -> Iterator[str]:
    """A function: heading, facts, code under the lines that made it."""
    place = f"{function.file}:{function.line}  {function.size} bytes"
    yield f"{function.heading}  {place:>{max(0, WIDTH - len(function.heading) - 2)}}"
    yield f"  {function.facts}"
    yield ""
    for group in function.groups:
        yield from _group_lines(function.symbol, group, places)
    yield ""


def _group_lines(symbol: str, group: Group, places: Places) -> Iterator[str]:
    yield f"  {group.line} | {group.text}"
    for row in group.rows:
        if isinstance(row, Instruction):
            yield from _instruction_lines(symbol, row, places)
        else:
            yield f"  {row.name}:"


def _instruction_lines(symbol: str, row: Instruction, places: Places) -> Iterator[str]:
    """An instruction, on more than one line if its bytes need them."""
    offset, code, linked, mnemonic, operands, comment = row
    address = places.address(symbol, offset)
    first, *rest = [
        places.code(symbol, offset + start, len(part)) if linked else part.hex()
        for start in range(0, len(code), BYTES_SHOWN)
        if (part := code[start : start + BYTES_SHOWN])
    ]
    text = f"  {address}  {first:22}  {mnemonic:6} {operands}".rstrip()
    yield f"{text:<72} ; {comment}" if comment else text
    for more in rest:
        yield f"  {'':16}  {more}"
