"""`pykasm clean`: away with what was built."""

from __future__ import annotations

import shutil
from contextlib import ExitStack

import click

from pykasm.commands.project import this_project
from pykasm.errors import PykasmError
from pykasm.files import alone

LOCK = "cache/lock"
"""What a build has locked while it runs, below its folder."""


@click.command
def command() -> None:
    """Remove the folder with everything that was built. A build that is under way is waited for."""
    project = this_project()
    folder, root = project.folder.resolve(), project.root.resolve()
    sources = [root, project.menu.resolve(), project.image_folder.resolve()]
    is_ours = folder.is_relative_to(root) or any(folder.glob(LOCK))
    if any(one.is_relative_to(folder) for one in sources) or (folder.exists() and not is_ours):
        raise PykasmError(f"{folder} is no folder that builds alone have made, so it is left alone")
    if folder.exists():
        with ExitStack() as stack:
            for lock in sorted(folder.rglob(LOCK)):  # those of other images, too
                stack.enter_context(alone(lock))
            shutil.rmtree(folder)
        click.echo(f"removed {folder}")
