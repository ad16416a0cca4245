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
    sources = [root, project.menu.resolve(), project.image_folder.resolve()]
    if not folder.is_relative_to(root) or any(one.is_relative_to(folder) for one in sources):
        raise PykasmError(
            f"{folder} is no folder inside the project for builds alone, so it is left alone"
        )
    if folder.exists():
        shutil.rmtree(folder)
        click.echo(f"removed {folder}")
