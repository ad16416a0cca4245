"""`pykasm guide`: the guide to the language."""

from __future__ import annotations

from importlib.resources import files

import click


@click.command
def command() -> None:
    """Show the guide to the language, a page at a time on a terminal."""
    click.echo_via_pager((files("pykasm") / "README.md").read_text(encoding="utf-8"))
