"""`pykasm debug`: the kernel under gdb."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

import click

from pykasm.build.outcome import BuildResult
from pykasm.commands.project import built, image_option
from pykasm.commands.sizes import mebibytes
from pykasm.machine import gdb, gdbserial
from pykasm.machine.qemu import PROGRAM, MachineOptions, Qemu
from pykasm.toolchain import require

CHUNK = 65536


@click.command
@click.option("--smp", type=click.IntRange(1), metavar="N", help="Have N processors.")
@click.option(
    "--memory", type=mebibytes, metavar="M", help="Have M MiB of memory; 64M and 2G do too."
)
@image_option
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[-- GDB ARGUMENTS]")
def command(
    smp: int | None, memory: int | None, image: str | None, arguments: tuple[str, ...]
) -> None:
    """Build the kernel, run it in QEMU and stop at its first line under gdb.

    gdb knows the lines, types and globals of the Python source. What the kernel writes to its
    serial line appears between gdb's own output, and gdb's command `serial TEXT` types a line
    there, which the kernel reads once it runs again. Leaving gdb ends the machine.
    """
    require(gdb.PROGRAM, PROGRAM)
    result = built(image=image, iso=False)
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
    sys.exit(_debug(result, options, arguments))


def _debug(result: BuildResult, options: MachineOptions, arguments: tuple[str, ...]) -> int:
    """Run gdb on the machine until people leave it; gdb's exit status."""
    project = result.project
    qemu = Qemu(options)
    try:
        assert qemu.gdb_address is not None
        attach = gdb.arguments(project.kernel, qemu.gdb_address, project.root)
        first_line = gdb.stop_at_first(result.outcome.entries)
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
