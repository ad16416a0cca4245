"""The listing as a page: contents at the side, code coloured, targets as links.

The page itself has the contents only. Each subsystem is a script beside it, which the page loads
when it is to be shown. What only linking tells is in one more script, so that the others change
with the code alone.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

from pykasm.listing.highlight import highlighted
from pykasm.listing.model import FunctionListing, Instruction, Mark, UnitListing
from pykasm.listing.places import Blanks, Template

PAGE = Path(__file__).with_name("page.html")


class Contents(NamedTuple):
    """What the page says of a subsystem at its side: its size, its functions with theirs, and the
    names of its data."""

    name: str
    size: int
    functions: tuple[tuple[str, int], ...]
    data: tuple[str, ...]

    @classmethod
    def of(cls, unit: UnitListing) -> Contents:
        """Those of `unit`."""
        functions = tuple((one.symbol, one.size) for one in unit.functions)
        return cls(unit.name, unit.size, functions, tuple(one.symbol for one in unit.data))


def page(contents: Sequence[Contents], title: str, folder: str) -> str:
    """The page; its scripts are in `folder` beside it."""
    filled = PAGE.read_text(encoding="utf-8").replace("{{title}}", escape(title))
    filled = filled.replace("{{folder}}", escape(folder))
    return filled.replace("{{parts}}", _script(contents))


def part(unit: UnitListing) -> str:
    """The script with a subsystem."""
    functions = [_function(one) for one in unit.functions]
    data = [(one.symbol, one.size, one.type, one.storage) for one in unit.data]
    return f"part({_script(unit.name)}, {_script(functions)}, {_script(data)});\n"


def _function(function: FunctionListing) -> tuple[object, ...]:
    place = f"{function.file}:{function.line} · {function.size} bytes"
    groups = [(one.line, highlighted(one.text), [*map(_row, one.rows)]) for one in function.groups]
    return function.symbol, function.heading, place, function.facts, groups


def _row(row: Instruction | Mark) -> object:
    """A row; 0 stands for bytes that linking fills in."""
    if isinstance(row, Mark):
        return row.name
    offset, code, linked, mnemonic, operands, comment = row
    shown = (offset, 0 if linked else code.hex(), mnemonic, operands)
    return (*shown, comment) if comment else shown


def addresses_template(unit: UnitListing) -> Template:
    """The addresses of a subsystem's functions and data, and the bytes that linking fills in: lines
    of a script, with blanks for them."""
    blanks = Blanks()
    lines = [
        [
            blanks.address(function.symbol),
            *(
                blanks.code(function.symbol, row.offset, len(row.code))
                for group in function.groups
                for row in group.rows
                if isinstance(row, Instruction) and row.linked
            ),
        ]
        for function in unit.functions
    ]
    lines += [[blanks.address(one.symbol)] for one in unit.data]
    symbols = [*(one.symbol for one in unit.functions), *(one.symbol for one in unit.data)]
    text = [
        _script(symbol) + ': ["' + '", "'.join(line) + '"],\n'
        for symbol, line in zip(symbols, lines, strict=True)
    ]
    return blanks.template("".join(text))


def addresses(filled: Sequence[str]) -> str:
    """The script with all addresses, of the filled templates of all subsystems."""
    return f"const addresses = {{\n{''.join(filled)}}};\n"


def _script(value: Any) -> str:
    """`value` in JavaScript, so that a page may have it inside a script."""
    return json.dumps(value, separators=(",", ":")).replace("</", "<\\/")
