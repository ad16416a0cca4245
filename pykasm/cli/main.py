"""The command line of pykasm."""

from __future__ import annotations

from importlib import import_module
from typing import IO, Any

import click

from pykasm.errors import PykasmError

COMMANDS = {
    "build": "Build the kernel, its ISO and its listing.",
    "run": "Run the kernel, its serial line on this terminal.",
    "debug": "Run the kernel under gdb, at its first line.",
    "test": "Run the project's tests.",
    "list": "Show the listing of a function or a subsystem.",
    "size": "Show what takes how much room in the kernel.",
    "sym": "Tell the symbol and source line of an address.",
    "asm": "Assemble instructions given as text.",
    "write": "Write the ISO to a USB stick.",
    "new": "Start a new kernel project.",
    "doctor": "Show which external programs are there.",
    "clean": "Remove everything that was built.",
}
"""The commands and their one-line help. Each is `command` in the module of its name, which is
imported only when it is used, so that a short command starts quickly."""


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
        command: click.Command = import_module(f"pykasm.cli.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except PykasmError as error:
            raise _Failure(str(error)) from None


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="`pykasm COMMAND --help` tells more. Settings are in pyproject.toml, [tool.pykasm].",
)
@click.version_option(package_name="pykasm")
def cli() -> None:
    """Build, run, debug and test kernels written in Python, in the project of this folder."""


def main() -> None:
    """Run the command line of this process."""
    cli(prog_name="pykasm")
