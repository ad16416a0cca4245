"""`pykasm debug`: the kernel under gdb."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading

import click

from pykasm.commands.project import built
from pykasm.machine import gdb
from pykasm.machine.qemu import MachineOptions, Qemu
from pykasm.toolchain import require

CHUNK = 65536


@click.command
@click.option("--smp", type=click.IntRange(1), metavar="N", help="Have N processors.")
@click.option("--memory", type=click.IntRange(1), metavar="M", help="Have M MiB of memory.")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[-- GDB ARGUMENTS]")
def command(smp: int | None, memory: int | None, arguments: tuple[str, ...]) -> None:
    """Build the kernel, run it in QEMU and stop at its first line under gdb.

    gdb knows the lines, types and globals of the Python source. What the kernel writes to its
    serial line appears between gdb's own output; leaving gdb ends the machine.
    """
    require(gdb.PROGRAM)
    result = built()
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
    qemu = Qemu(options)
    try:
        assert qemu.gdb_address is not None
        attach = gdb.arguments(project.kernel, qemu.gdb_address, project.root)
        attach += gdb.stop_at_first(result.program.entries)
        threading.Thread(target=_show_serial, args=(qemu,), daemon=True).start()
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for gdb: it stops the kernel
        sys.exit(subprocess.call([gdb.PROGRAM, *attach, *arguments]))
    finally:
        qemu.stop()


def _show_serial(qemu: Qemu) -> None:
    while came := qemu.serial.recv(CHUNK):
        sys.stdout.buffer.write(came)
        sys.stdout.flush()
