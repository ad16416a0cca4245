"""`pykasm new`: a fresh kernel project."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

import click

from pykasm.errors import PykasmError

TEMPLATE = "template"
SUFFIX = ".in"
"""Files of the template end in this, so that no tool takes them for Python of pykasm's own."""

PLACEHOLDER = "@name@"
NAME = re.compile(r"[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?", re.IGNORECASE)
"""A name that Python packaging takes (Core metadata specification, "Name")."""


@click.command
@click.argument("folder", type=click.Path(path_type=Path), metavar="DIR")
def command(folder: Path) -> None:
    """Start a new kernel project in DIR: a kernel that says hello on the serial line, its boot
    menu, and tests that boot it. DIR must be empty or not yet there."""
    name = folder.resolve().name
    if not NAME.fullmatch(name):
        raise PykasmError(
            f"`{name}` can't be the name of a project\n"
            "help: use letters, digits, and between them dots, hyphens and underscores"
        )
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise PykasmError(f"{folder} is there already and not an empty folder")
    for source, path in _template(files("pykasm.commands") / TEMPLATE, Path()):
        target = folder / path.with_name(path.name.removesuffix(SUFFIX))
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(source.read_text().replace(PLACEHOLDER, name))
    steps = ["python -m pykasm run --direct"]
    if folder.resolve() != Path.cwd():
        steps.insert(0, f"cd {shlex.quote(str(folder))}")
    click.echo("\n  ".join([f"{name} is ready; now:", *steps]))


def _template(folder: Traversable, path: Path) -> Iterator[tuple[Traversable, Path]]:
    """The files below `folder`, with their paths below the project."""
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _template(entry, path / entry.name)
        elif entry.name.endswith(SUFFIX):
            yield entry, path / entry.name
