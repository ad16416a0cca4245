"""`pykasm test`: the project's tests."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec

import click

from pykasm.commands.project import this_project
from pykasm.errors import PykasmError


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[PYTEST ARGUMENTS]")
def command(arguments: tuple[str, ...]) -> None:
    """Run the project's tests by pytest, which gets the arguments and gives the exit status."""
    if find_spec("pytest") is None:
        raise PykasmError(
            "pytest, which runs the tests, is not there\n"
            f"help: {sys.executable} -m pip install pytest"
        )
    tests = [sys.executable, "-m", "pytest", *arguments]
    sys.exit(subprocess.call(tests, cwd=this_project().root))
