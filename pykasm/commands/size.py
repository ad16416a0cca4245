"""`pykasm size`: what takes how much room."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click
from elftools.elf.elffile import ELFFile
from rich.console import Console
from rich.table import Table

from pykasm.build.summary import largest_functions, subsystem_sizes
from pykasm.commands.project import built
from pykasm.objects.model import ObjectFile, SectionFlags


@click.command
@click.option(
    "--functions", default=20, show_default=True, metavar="N", help="Show the N largest functions."
)
def command(functions: int) -> None:
    """Show the bytes in memory of each section of the kernel, of each subsystem, and of the
    largest functions."""
    result = built()
    console = Console()
    console.print(_table(("section", "bytes"), _sections(result.kernel)))
    console.print(_subsystems(result.objects))
    largest = largest_functions(result.objects, functions)
    console.print(_table(("function", "bytes"), [(one.name, one.size) for one in largest]))


def _sections(kernel: Path) -> list[tuple[str, int]]:
    with kernel.open("rb") as file:
        return [
            (section.name, section["sh_size"])
            for section in ELFFile(file).iter_sections()
            if section["sh_flags"] & SectionFlags.ALLOC
        ]


def _subsystems(objects: list[ObjectFile]) -> Table:
    sizes = subsystem_sizes(objects)
    rows = [(one.name, one.code, one.constants, one.variables, one.total) for one in sizes]
    total = ("all", *(sum(column) for column in list(zip(*rows, strict=True))[1:]))
    return _table(("subsystem", "code", "constants", "variables", "total"), [*rows, total])


def _table(heads: tuple[str, ...], rows: Sequence[tuple[str, *tuple[int, ...]]]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column(heads[0])
    for head in heads[1:]:
        table.add_column(head, justify="right")
    for name, *numbers in rows:
        table.add_row(name, *(f"{number:,}" for number in numbers))
    table.add_row("")
    return table
