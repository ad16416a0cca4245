"""`pykasm list`: the listing."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches

import click
from rich.console import Console
from rich.highlighter import RegexHighlighter
from rich.text import Text
from rich.theme import Theme

from pykasm.build.pipeline import assembled
from pykasm.build.stages import Stages
from pykasm.build.units import Units
from pykasm.commands.project import built, image_option, this_project
from pykasm.errors import PykasmError
from pykasm.escapes import COLOURS
from pykasm.lang.unit import Unit
from pykasm.listing.maker import unit_listing
from pykasm.listing.model import UnitListing
from pykasm.listing.places import LinkedImage
from pykasm.listing.text import function_lines, unit_lines
from pykasm.source import rooted_at


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
    linked = LinkedImage.read(built(image=image).kernel)
    project = this_project(image=image)
    with rooted_at(project.root):
        listings = _listings(assembled(project, Stages()), name)
    console = Console(theme=_THEME, soft_wrap=True, color_system=COLOURS)
    colours = _Colours()
    for line in _lines(listings, name, linked):
        text = Text(line)
        colours.highlight(text)
        console.print(text)


def _listings(units: Units, name: str | None) -> list[UnitListing]:
    """Those of what is called `name`: of a subsystem, or of the one with a function."""
    wanted = [unit for unit in units.program.units if name in (None, unit.name, *unit.symbols)]
    if not wanted:
        raise _unknown(name or "", units.program.units)
    written = [units.again(unit.name) for unit in wanted]
    return [unit_listing(one.assembled, one.packed) for one in written]


def _lines(units: list[UnitListing], name: str | None, image: LinkedImage) -> Iterator[str]:
    """The lines for what is called `name`, linked to `image`."""
    for unit in units:
        if name in (None, unit.name):
            yield from unit_lines(unit, image)
        for function in unit.functions:
            if function.symbol == name:
                yield from function_lines(function, image)


def _unknown(name: str, units: list[Unit]) -> PykasmError:
    known = [one.symbol for unit in units for one in unit.routines]
    close = get_close_matches(name, [*known, *(unit.name for unit in units)], n=3)
    meant = f"; did you mean {' or '.join(f'`{one}`' for one in close)}?" if close else ""
    return PykasmError(f"there is no function or subsystem `{name}`{meant}")
