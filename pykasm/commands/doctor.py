"""`pykasm doctor`: which external programs are there."""

from __future__ import annotations

import sys

import click

from pykasm.build.tables import Table
from pykasm.packages import this_system
from pykasm.toolchain import Found, doctor


@click.command
def command() -> None:
    """Show every external program that pykasm uses: where it is, or the package that brings it.

    The exit status is 1 if any is missing.
    """
    found = doctor()
    click.echo("\n".join(_table(found).lines))
    missing = [row for row in found if row.path is None]
    if missing:
        click.echo(this_system().help(row.tool.package for row in missing))
        sys.exit(1)


def _table(found: list[Found]) -> Table:
    return Table(("", "tool", "version", "where", "needed for"), [_row(one) for one in found])


def _row(found: Found) -> tuple[str, ...]:
    tool = found.tool
    if found.path is None:
        missing = f"missing: {this_system().source(tool.package)}"
        mark, place = _styled("✗", "red"), _styled(missing, "red")
    else:
        mark, place = _styled("✓", "green"), str(found.path)
    return mark, found.name, found.version or "", place, tool.purpose


def _styled(text: str, colour: str) -> str:
    return click.style(text, fg=colour)
