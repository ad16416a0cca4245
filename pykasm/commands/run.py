"""`pykasm run`: the kernel in QEMU, its serial line on the terminal."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from pykasm.build.project import Project
from pykasm.commands.guest import FILE, FOLDER, Guest
from pykasm.commands.project import built, image_option, release_option
from pykasm.commands.sizes import mebibytes
from pykasm.machine import gdb
from pykasm.machine.annotate import Annotator
from pykasm.machine.qemu import (
    PANIC_STATUS,
    POWEROFF_STATUS,
    PROGRAM,
    MachineOptions,
    Qemu,
    require_window,
)
from pykasm.machine.symbols import SymbolTable
from pykasm.machine.terminal import Terminal, TimeIsUp
from pykasm.toolchain import require

TIME_IS_UP_STATUS = 124
"""The exit status of `timeout` (GNU coreutils) when it ends a command."""


@click.command
@click.option("--direct", is_flag=True, help="Enter the kernel without a boot loader (PVH).")
@click.option("--uefi", is_flag=True, help="Start the ISO under UEFI instead of a BIOS.")
@click.option("--smp", type=click.IntRange(1), metavar="N", help="Have N processors.")
@click.option(
    "--memory", type=mebibytes, metavar="M", help="Have M MiB of memory; 64M and 2G do too."
)
@click.option("--display", is_flag=True, help="Show the screen in a window.")
@click.option(
    "--timeout", type=click.FloatRange(0, min_open=True), metavar="S", help="Stop after S seconds."
)
@click.option(
    "--gdb",
    "debugger",
    type=click.Choice(["go", "wait"]),
    is_flag=False,
    flag_value="go",
    metavar="[=wait]",
    help="Let gdb attach; with =wait, stand still until it does.",
)
@click.option("--initrd", type=FILE, metavar="FILE", help="Begin with this archive of files.")
@click.option("--root", type=FOLDER, metavar="DIR", help="Begin with the files in DIR.")
@click.option("--program", type=FILE, metavar="FILE", help="Run this program, and nothing else.")
@click.option("--append", default="", metavar="TEXT", help="Add to the kernel's command line.")
@image_option
@release_option
@click.argument(
    "arguments",
    nargs=-1,
    type=click.UNPROCESSED,
    metavar="[-- QEMU ARGUMENTS | PROGRAM ARGUMENTS]",
)
def command(
    direct: bool,
    uefi: bool,
    smp: int | None,
    memory: int | None,
    display: bool,
    timeout: float | None,
    debugger: str | None,
    initrd: Path | None,
    root: Path | None,
    program: Path | None,
    append: str,
    image: str | None,
    release: bool,
    arguments: tuple[str, ...],
) -> None:
    """Build the kernel and run it in QEMU, its serial line on this terminal.

    Ctrl-A X leaves, Ctrl-A C switches to QEMU's monitor. Kernel addresses in the output are shown
    with their symbol and source line. With --program, the arguments are the program's, otherwise
    QEMU's. The exit status is 0 after a power-off, 1 after a panic in
    a test, and 124 when the time is up.
    """
    require(PROGRAM, *(["UEFI firmware"] if uefi else []))
    if display:
        require_window()
    guest = Guest(initrd, root, program, arguments if program else (), append)
    guest.check()
    project = built(release=release, image=image, iso=not direct, guest=guest.given_to).project
    options = MachineOptions(
        kernel=project.kernel if direct else None,
        iso=None if direct else project.iso,
        command_line=project.command_line if direct else "",
        modules=tuple(project.module_files) if direct else (),
        uefi=uefi,
        smp=smp or project.smp,
        memory=memory or project.memory,
        cpu=project.cpu,
        display=display,
        reboot=True,
        gdb=debugger == "go",
        gdb_wait=debugger == "wait",
        arguments=() if program else arguments,
    )
    sys.exit(_run(project, options, timeout))


def _run(project: Project, options: MachineOptions, timeout: float | None) -> int:
    """Run the machine until it ends; the exit status of the command."""
    qemu = Qemu(options, monitor=False)
    try:
        if qemu.gdb_address is not None:
            attach = gdb.arguments(project.kernel, qemu.gdb_address, project.root)
            click.echo(f"attach with: {gdb.shown(attach)}", err=True)
        symbols = SymbolTable.from_elf(project.kernel, project.root)
        status = Terminal(qemu, Annotator(symbols)).attend(timeout)
        return _outcome(status, qemu.complaint())
    except TimeIsUp:
        click.echo(f"\nstopped after {timeout:g} s", err=True)
        return TIME_IS_UP_STATUS
    finally:
        qemu.stop()


def _outcome(status: int, complaint: str) -> int:
    if status in (0, POWEROFF_STATUS):
        return 0
    if status == PANIC_STATUS:
        click.echo("the kernel panicked", err=True)
    else:
        click.echo(f"QEMU failed with status {status}\n{complaint}".rstrip(), err=True)
    return 1
