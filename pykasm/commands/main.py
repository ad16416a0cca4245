"""The command line of pykasm."""

from __future__ import annotations

import os
import signal
import sys
import warnings
from importlib import import_module
from typing import IO, Any, NoReturn, TextIO

import click

from pykasm.commands.project import build_option
from pykasm.errors import PykasmError, PythonWarning
from pykasm.escapes import escapes_allowed
from pykasm.source import Source, is_authors_file, is_pykasms_file, line_span

COMMANDS = {
    "build": "Build the kernel, its ISO and its listing.",
    "run": "Run the kernel, its serial line on this terminal.",
    "debug": "Run the kernel under gdb, at its first line.",
    "profile": "Show what the instructions of a run go to.",
    "test": "Run the project's tests.",
    "campaign": "Look at many cases of something, such as inputs by chance.",
    "check": "Look for faults in the code.",
    "list": "Show the listing of a function or a subsystem.",
    "size": "Show what takes how much room in the kernel.",
    "sym": "Tell the symbol and source line of an address.",
    "asm": "Assemble instructions given as text.",
    "write": "Write the ISO to a USB stick.",
    "new": "Start a new kernel project.",
    "guide": "Show the guide to the language.",
    "doctor": "Show which external programs are there.",
    "clean": "Remove everything that was built.",
}
"""The commands and their one-line help. Each is `command` in the module of its name, which is
imported only when it is used, so that a short command starts quickly."""


COLOUR = None if escapes_allowed() else False
"""Whether output is coloured; None: where it is a terminal's."""

WITHOUT_PROJECT = {"asm", "new", "guide", "doctor"}
"""Commands that build nothing and look at nothing that was built."""


class _Failure(click.ClickException):
    """A `PykasmError` on its way to people: its message as it is, exit status 1."""

    def show(self, file: IO[Any] | None = None) -> None:
        click.echo(self.message, err=True)


class _Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"pykasm.commands.{cmd_name}").command
        if cmd_name not in WITHOUT_PROJECT and build_option not in command.params:
            command.params.append(build_option)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except PykasmError as error:
            raise _Failure(str(error)) from None
        except Exception as error:
            shown = _refusal(error)
            if not shown:
                raise
            raise _Failure(shown) from None


def _refusal(error: Exception) -> str:
    """What the system said to an operation on a file; empty if `error` is something else."""
    if not isinstance(error, OSError) or error.strerror is None:
        return ""
    return f"{error.filename}: {error.strerror}" if error.filename else error.strerror


@click.group(
    cls=_Commands,
    context_settings={
        "help_option_names": ["-h", "--help"],
        "color": COLOUR,
    },
    epilog="`pykasm COMMAND --help` tells more. Settings are in pyproject.toml, [tool.pykasm].",
)
@click.version_option(package_name="pykasm")
def cli() -> None:
    """Build, run, debug and test kernels written in Python, in the project of this folder."""


def main() -> None:
    """Run the command line of this process."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _leave)
    warnings.showwarning = _show_warning
    try:
        cli(prog_name="pykasm")
    except SystemExit as end:
        _end(end.code)


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """Show what Python warns of, such as a `"text"()` that no call can be meant by."""
    if not is_authors_file(filename) or is_pykasms_file(filename):
        return
    span = line_span(Source(filename, lineno))
    click.echo(f"{PythonWarning(f'{category.__name__}: {message}', span=span)}\n", err=True)


def _end(status: object) -> NoReturn:
    """End this process with `status` at once: to take all that a build has made apart, object by
    object, would take as long as some of its stages."""
    if isinstance(status, str):
        print(status, file=sys.stderr)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(status if isinstance(status, int) else int(status is not None))


def _leave(number: int, frame: object) -> None:
    """End by the signal `number` in order, so that a machine ends too and the terminal is as it
    was."""
    sys.exit(128 + number)
