"""`pykasm list`: the listing."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches

import click
from rich.console import Console
from rich.highlighter import RegexHighlighter
from rich.text import Text
from rich.theme import Theme

from pykasm.commands.project import built, image_option
from pykasm.errors import PykasmError
from pykasm.listing.maker import make_listing
from pykasm.listing.model import UnitListing
from pykasm.listing.places import LinkedImage
from pykasm.listing.text import function_lines, unit_lines


class _Colours(RegexHighlighter):
    """Finds the parts of a line of the listing."""

    base_style = "listing."
    highlights = (
        r"^(?P<heading>\w[^(]*)\(",
        r"^  (?P<number>\d+) \| (?P<python>.*)$",
        r"^  (?P<address>[0-9a-f]{16})  (?P<bytes>[0-9a-f]+) +(?P<mnemonic>[a-z]\w*)?",
        r"^  (?P<label>\.\w+:)$",
        r" (?P<comment>; .*)$",
    )


_THEME = Theme(
    {
        "listing.heading": "bold cyan",
        "listing.number": "dim",
        "listing.python": "yellow",
        "listing.address": "dim",
        "listing.bytes": "green",
        "listing.mnemonic": "bold",
        "listing.label": "magenta",
        "listing.comment": "dim",
    }
)


@click.command
@click.argument("name", metavar="[FUNCTION|SUBSYSTEM]", required=False)
@image_option
def command(name: str | None, image: str | None) -> None:
    """Show the machine code of a function or a subsystem under the Python lines that made it; of
    the whole kernel if none is named."""
    result = built(image=image)
    units = make_listing(result.program, result.units)
    linked = LinkedImage.read(result.kernel)
    console = Console(theme=_THEME, soft_wrap=True)
    colours = _Colours()
    for line in _lines(units, name, linked):
        text = Text(line)
        colours.highlight(text)
        console.print(text)


def _lines(units: list[UnitListing], name: str | None, image: LinkedImage) -> Iterator[str]:
    """The lines for what is called `name`, linked to `image`."""
    wanted = [unit for unit in units if name in (None, unit.name)]
    for unit in wanted:
        yield from unit_lines(unit, image)
    functions = [one for unit in units for one in unit.functions if one.symbol == name]
    for function in functions:
        yield from function_lines(function, image)
    if not wanted and not functions:
        raise _unknown(name or "", units)


def _unknown(name: str, units: list[UnitListing]) -> PykasmError:
    known = [one.symbol for unit in units for one in unit.functions]
    close = get_close_matches(name, [*known, *(unit.name for unit in units)], n=3)
    meant = f"; did you mean {' or '.join(f'`{one}`' for one in close)}?" if close else ""
    return PykasmError(f"there is no function or subsystem `{name}`{meant}")
