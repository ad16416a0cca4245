"""`pykasm profile`: what the instructions of a run go to."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from pykasm.build.tables import Table
from pykasm.commands.guest import FILE, FOLDER, Guest
from pykasm.commands.project import built, image_option, release_option
from pykasm.machine.annotate import Annotator
from pykasm.machine.profile import Profile, Row, profiled
from pykasm.machine.qemu import PROGRAM, MachineOptions, Qemu
from pykasm.machine.session import Machine
from pykasm.machine.symbols import SymbolTable
from pykasm.machine.terminal import Terminal, TimeIsUp
from pykasm.toolchain import require

ENDED = r"init ended: [^\r\n]*\r?\n|panic: end of report"
"""What the kernel says when its first program has ended, or when itself has."""

LONG = 3600.0
"""Seconds for a program, if nobody says how many."""


@click.command
@click.option("--initrd", type=FILE, metavar="FILE", help="Begin with this archive of files.")
@click.option("--root", type=FOLDER, metavar="DIR", help="Begin with the files in DIR.")
@click.option("--program", type=FILE, metavar="FILE", help="Run this program, and nothing else.")
@click.option("--append", default="", metavar="TEXT", help="Add to the kernel's command line.")
@click.option("--all", "from_start", is_flag=True, help="Count what is before the program, too.")
@click.option("--rows", default=25, show_default=True, metavar="N", help="Show N rows of each.")
@click.option(
    "--timeout", type=click.FloatRange(0, min_open=True), metavar="S", help="Stop after S seconds."
)
@image_option
@release_option
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[PROGRAM ARGUMENTS]")
def command(
    initrd: Path | None,
    root: Path | None,
    program: Path | None,
    append: str,
    from_start: bool,
    rows: int,
    timeout: float | None,
    image: str | None,
    release: bool,
    arguments: tuple[str, ...],
) -> None:
    """Run the kernel until it ends, and show which functions, and which lines of Python, its
    instructions are of.

    With --program, --root or --initrd, they count from the program's first instruction to its end.
    Each is counted, so the run takes some hundred times as long as others.
    """
    require(PROGRAM)
    guest = Guest(initrd, root, program, arguments, append)
    guest.check()
    project = built(release=release, image=image, iso=False, guest=guest.given_to).project
    symbols = SymbolTable.from_elf(project.kernel, project.root)
    has_program = any(one is not None for one in (initrd, root, program))
    profile = Profile(in_programs=has_program and not from_start)
    with profiled(profile) as log:
        options = MachineOptions(
            kernel=project.kernel,
            command_line=project.command_line,
            modules=tuple(project.module_files),
            memory=project.memory,
            cpu=project.cpu,
            arguments=log,
        )
        if has_program:
            _run_program(options, timeout or LONG)
        else:
            _run(options, Annotator(symbols), timeout)
    for head, found in (
        ("function", profile.by_function(symbols)),
        ("line", profile.by_line(symbols)),
    ):
        click.echo("\n".join([*_table(head, found[:rows], profile.total).lines, ""]))


def _run(options: MachineOptions, annotator: Annotator, timeout: float | None) -> None:
    """Run the machine, its serial line on this terminal, until it ends or its time is over."""
    qemu = Qemu(options, monitor=False)
    try:
        Terminal(qemu, annotator).attend(timeout)
    except TimeIsUp:
        click.echo(f"\nstopped after {timeout:g} s", err=True)
    finally:
        qemu.stop()
        sys.stdout.flush()


def _run_program(options: MachineOptions, timeout: float) -> None:
    """Run the machine until its first program ends, and show what it said."""
    with Machine(options, lifetime=timeout) as machine:
        try:
            machine.expect(ENDED, timeout)
        finally:
            click.echo(machine.output)


def _table(head: str, rows: Sequence[Row], total: int) -> Table:
    """Return the rows with their shares, under the sum."""
    shown = [(f"{one.instructions:,}", f"{one.instructions / total:.1%}", one.name) for one in rows]
    every = ("", "", "") if not total else (f"{total:,}", "100.0%", "all")
    return Table(("instructions", "share", head), [every, *shown], right=frozenset((0, 1)))
