"""`pykasm clean`: away with what was built."""

from __future__ import annotations

import shutil

import click

from pykasm.commands.project import this_project
from pykasm.errors import PykasmError


@click.command
def command() -> None:
    """Remove the folder with everything that was built."""
    project = this_project()
    folder, root = project.folder.resolve(), project.root.resolve()
    if folder == root or not folder.is_relative_to(root):
        raise PykasmError(f"{folder} is not a folder inside the project, so it is left alone")
    if folder.exists():
        shutil.rmtree(folder)
        click.echo(f"removed {folder}")
