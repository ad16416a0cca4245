"""`pykasm size`: what takes how much room."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click
from elftools.elf.elffile import ELFFile

from pykasm.build.summary import UnitSizes, largest_functions, subsystem_sizes, total_size
from pykasm.build.tables import Table
from pykasm.commands.project import built, image_option
from pykasm.objects.model import SectionFlags


@click.command
@click.option(
    "--functions", default=20, show_default=True, metavar="N", help="Show the N largest functions."
)
@image_option
def command(functions: int, image: str | None) -> None:
    """Show the bytes in memory of each section of the kernel, of each subsystem, and of the
    largest functions."""
    result = built(image=image)
    largest = largest_functions(result.outcome.sizes, functions)
    for table in (
        _table(("section", "bytes"), _sections(result.kernel)),
        _subsystems(result.outcome.sizes),
        _table(("function", "bytes"), [(one.name, one.size) for one in largest]),
    ):
        click.echo("\n".join([*table.lines, ""]))


def _sections(kernel: Path) -> list[tuple[str, int]]:
    with kernel.open("rb") as file:
        return [
            (section.name, section["sh_size"])
            for section in ELFFile(file).iter_sections()
            if section["sh_flags"] & SectionFlags.ALLOC
        ]


def _subsystems(units: Sequence[UnitSizes]) -> Table:
    sizes = subsystem_sizes(units)
    rows = [
        (one.name, one.code, one.constants, one.variables, one.total)
        for one in [*sizes, total_size("all", sizes)]
    ]
    return _table(("subsystem", "code", "constants", "variables", "total"), rows)


def _table(heads: tuple[str, ...], rows: Sequence[tuple[str, *tuple[int, ...]]]) -> Table:
    shown = [(name, *(f"{number:,}" for number in numbers)) for name, *numbers in rows]
    return Table(heads, shown, right=frozenset(range(1, len(heads))))
