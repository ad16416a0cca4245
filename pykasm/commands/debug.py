"""`pykasm debug`: the kernel under gdb."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import click

from pykasm.build.outcome import BuildResult
from pykasm.commands.guest import FILE, Guest
from pykasm.commands.project import built, image_option
from pykasm.commands.sizes import mebibytes
from pykasm.machine import gdb, gdbserial
from pykasm.machine.executable import Executable
from pykasm.machine.qemu import PROGRAM, MachineOptions, Qemu
from pykasm.toolchain import require

CHUNK = 65536


@click.command
@click.option("--smp", type=click.IntRange(1), metavar="N", help="Have N processors.")
@click.option(
    "--memory", type=mebibytes, metavar="M", help="Have M MiB of memory; 64M and 2G do too."
)
@click.option("--program", type=FILE, metavar="FILE", help="Stop where this program begins.")
@image_option
@click.argument(
    "arguments",
    nargs=-1,
    type=click.UNPROCESSED,
    metavar="[-- GDB ARGUMENTS | PROGRAM ARGUMENTS]",
)
def command(
    smp: int | None,
    memory: int | None,
    program: Path | None,
    image: str | None,
    arguments: tuple[str, ...],
) -> None:
    """Build the kernel, run it in QEMU and stop at its first line under gdb.

    gdb knows the lines, types and globals of the Python source. What the kernel writes to its
    serial line appears between gdb's own output, and gdb's command `serial TEXT` types a line
    there, which the kernel reads once it runs again. Leaving gdb ends the machine.

    With --program, the kernel runs this static program, gdb stops at its first instruction, and
    knows its lines and types, too, where it has any. The arguments are the program's then.
    """
    require(gdb.PROGRAM, PROGRAM)
    executable = Executable.of(program) if program else None
    guest = Guest(None, None, program, arguments if program else (), "")
    guest.check()
    result = built(image=image, iso=False, guest=guest.given_to)
    project = result.project
    options = MachineOptions(
        kernel=project.kernel,
        command_line=project.command_line,
        modules=tuple(project.module_files),
        smp=smp or project.smp,
        memory=memory or project.memory,
        cpu=project.cpu,
        reboot=True,
        gdb_wait=True,
    )
    sys.exit(_debug(result, options, executable, () if program else arguments))


def _debug(
    result: BuildResult,
    options: MachineOptions,
    program: Executable | None,
    arguments: tuple[str, ...],
) -> int:
    """Run gdb on the machine until people leave it; gdb's exit status."""
    project = result.project
    qemu = Qemu(options)
    try:
        assert qemu.gdb_address is not None
        attach = gdb.arguments(project.kernel, qemu.gdb_address, project.root, program)
        first_line = (
            gdb.stop_in_program(program)
            if program is not None
            else gdb.stop_at_first(result.outcome.entries)
        )
        threading.Thread(target=_show_serial, args=(qemu,), daemon=True).start()
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for gdb: it stops the kernel
        return subprocess.call(
            [gdb.PROGRAM, "-x", gdbserial.__file__, *attach, *first_line, *arguments],
            env={**os.environ, gdbserial.VARIABLE: str(qemu.serial.fileno())},
            pass_fds=[qemu.serial.fileno()],
        )
    finally:
        qemu.stop()


def _show_serial(qemu: Qemu) -> None:
    while came := qemu.serial.recv(CHUNK):
        sys.stdout.buffer.write(came)
        sys.stdout.flush()
