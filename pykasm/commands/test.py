"""`pykasm test`: the project's tests."""

from __future__ import annotations

import subprocess
import sys

import click

from pykasm.commands.project import this_project


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[PYTEST ARGUMENTS]")
def command(arguments: tuple[str, ...]) -> None:
    """Run the project's tests by pytest, which gets the arguments and gives the exit status."""
    tests = [sys.executable, "-m", "pytest", *arguments]
    sys.exit(subprocess.call(tests, cwd=this_project().root))
