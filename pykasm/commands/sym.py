"""`pykasm sym`: addresses and names."""

from __future__ import annotations

import re

import click

from pykasm.commands.project import image_option, this_project
from pykasm.machine.symbols import Location, SymbolTable

_ADDRESS = re.compile(r"0x[0-9a-fA-F]{1,16}|[0-9a-fA-F]{8,16}")


@click.command
@click.argument("what", metavar="ADDRESS|NAME")
@image_option
def command(what: str, image: str | None) -> None:
    """Tell which function or datum of the built kernel ADDRESS (hexadecimal) lies in, and for
    code its source line; or where NAME lies."""
    project = this_project(image=image)
    symbols = SymbolTable.from_elf(project.kernel, project.root)
    if _ADDRESS.fullmatch(what):
        _show(int(what, 16), symbols.lookup(int(what, 16)))
        return
    symbol = symbols.named(what)
    if symbol.size:
        _show(symbol.address, symbols.lookup(symbol.address))
    else:
        click.echo(f"{symbol.address:#x}  {symbol.name}")


def _show(address: int, location: Location) -> None:
    click.echo(f"{address:#x}  {location}  ({location.symbol.size} bytes)")
    if location.source is not None:
        click.echo(f"  {location.source.text.strip()}")
