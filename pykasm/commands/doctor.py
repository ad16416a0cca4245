"""`pykasm doctor`: which external programs are there."""

from __future__ import annotations

import sys

import click
from rich.console import Console
from rich.table import Table

from pykasm.toolchain import Found, doctor


@click.command
def command() -> None:
    """Show every external program that pykasm uses: where it is, or the package that brings it.

    The exit status is 1 if any is missing.
    """
    found = doctor()
    Console().print(_table(found))
    missing = [row for row in found if row.path is None]
    if missing:
        packages = " ".join(sorted({row.tool.package for row in missing}))
        click.echo(f"help: on Debian or Ubuntu: sudo apt install {packages}")
        sys.exit(1)


def _table(found: list[Found]) -> Table:
    table = Table("", "tool", "version", "where", "needed for", box=None)
    for row in found:
        if row.path is None:
            place = f"[red]missing: package {row.tool.package}"
            table.add_row("[red]✗", row.name, "", place, row.tool.purpose)
        else:
            table.add_row("[green]✓", row.name, row.version or "", str(row.path), row.tool.purpose)
    return table
