"""The QEMU command line for a kernel under development."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pykasm.errors import PykasmError
from pykasm.packages import this_system
from pykasm.toolchain import located, require, run

PROGRAM = "qemu-system-x86_64"

DEBUG_EXIT_PORT = 0xF4
"""The I/O port of QEMU's `isa-debug-exit` device; an `out` of `value` ends QEMU."""


def debug_exit_status(value: int) -> int:
    """QEMU's exit status after `value` was written to `DEBUG_EXIT_PORT` (hw/misc/debugexit.c)."""
    return value << 1 | 1


POWEROFF_VALUE = 16
PANIC_VALUE = 17
POWEROFF_STATUS = debug_exit_status(POWEROFF_VALUE)
PANIC_STATUS = debug_exit_status(PANIC_VALUE)

WINDOWS = {"gtk", "sdl", "cocoa"}
"""The ways of QEMU's to show a screen in a window; which there are depends on what is installed."""

STATUS_MEANINGS = {0: "switched off", POWEROFF_STATUS: "powered off", PANIC_STATUS: "panic"}


class MachineError(PykasmError):
    """A machine that can't be put together or started."""


def require_window() -> None:
    """Make sure that QEMU can show a screen in a window. Raises `MachineError`."""
    if not WINDOWS & set(run(located(PROGRAM), "-display", "help").split()):
        raise MachineError(
            "this QEMU has no windows to show a screen in\n"
            + this_system().help(["qemu-system-gui"])
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineOptions:
    """What machine to run, and what from.

    `kernel` is an ELF file entered directly through its PVH note, with `command_line` handed over;
    `iso` is a disc image started by firmware, whose own boot menu holds the command line. Exactly
    one of them is given, and `uefi` needs the latter. `memory` counts MiB. With `gdb` a
    debugger can attach (`Qemu.gdb_address`); with `gdb_wait` the processors also stand still until
    it lets them run. `reboot` lets the machine start again after a reset instead of leaving QEMU.
    `count_instructions` ties the machine's clocks to executed instructions, one a nanosecond, so
    that runs can be repeated exactly. `modules` are files handed over with `kernel`.
    `arguments` go to QEMU as they are.
    """

    kernel: Path | None = None
    iso: Path | None = None
    command_line: str = ""
    modules: tuple[Path, ...] = ()
    uefi: bool = False
    smp: int = 1
    memory: int = 256
    cpu: str = "max"
    display: bool = False
    reboot: bool = False
    gdb: bool = False
    gdb_wait: bool = False
    count_instructions: bool = False
    arguments: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if (self.kernel is None) == (self.iso is None):
            raise MachineError("a machine starts from either a kernel or an ISO: give one of them")
        if self.uefi and self.iso is None:
            raise MachineError("UEFI firmware starts no kernel directly: start from the ISO")
        if self.command_line and self.iso is not None:
            raise MachineError("the command line of an ISO is in its boot menu: build one with it")
        if self.modules and self.iso is not None:
            raise MachineError("the modules of an ISO are on it: build one with them")
        if len(self.modules) > 1:
            raise MachineError("a kernel entered directly gets one module at most: use the ISO")

    def command(self) -> list[str]:
        """The command line, all but the sockets (see `Qemu`)."""
        return [
            *(PROGRAM, "-nodefaults", "-machine", "q35", "-accel", "tcg"),
            *("-cpu", self.cpu, "-smp", str(self.smp), "-m", f"{self.memory}M"),
            *("-vga", "std", *(() if self.display else ("-display", "none"))),
            *("-device", f"isa-debug-exit,iobase={DEBUG_EXIT_PORT:#x},iosize=4"),
            *self._start(),
            *self._clocks(),
            *self.arguments,
        ]

    def _start(self) -> Iterator[str]:
        if self.kernel is not None:
            yield from ("-kernel", str(self.kernel))
        if self.command_line:
            yield from ("-append", self.command_line)
        for module in self.modules:
            yield from ("-initrd", str(module))
        if self.iso is not None:
            yield from ("-cdrom", str(self.iso), "-boot", "d")
        if self.uefi:
            yield from ("-bios", str(located("UEFI firmware")))
        if not self.reboot:
            yield "-no-reboot"

    def _clocks(self) -> Iterator[str]:
        if self.gdb_wait:
            yield "-S"
        if self.count_instructions:
            yield from ("-icount", "shift=0,sleep=off")


class Qemu:
    """A running QEMU, its serial line, and its monitor if asked for, as connected sockets.

    Sockets made before QEMU starts need no fixed path or port, and no waiting until it listens.
    With `monitor` the socket `qmp` speaks QEMU's machine protocol; without, the serial line also
    obeys QEMU's own keys: Ctrl-A X leaves, Ctrl-A C switches to the monitor for people.
    """

    def __init__(self, options: MachineOptions, *, monitor: bool = True) -> None:
        require(PROGRAM)
        self._folder = tempfile.TemporaryDirectory(prefix="pykasm-")
        self._ends: list[socket.socket] = []
        command = options.command()
        self.qmp: socket.socket | None = None
        if monitor:
            self.qmp, name = self._connection()
            command += ["-chardev", f"socket,id=qmp,{name}", "-mon", "chardev=qmp,mode=control"]
        self.serial, name = self._connection()
        command += ["-chardev", f"socket,id=serial,{name},mux={'off' if monitor else 'on'}"]
        command += ["-serial", "chardev:serial"]
        if not monitor:
            command += ["-mon", "chardev=serial"]
        self.gdb_address: Path | None = None
        if options.gdb or options.gdb_wait:
            self.gdb_address, name = self._listener("gdb")
            command += ["-chardev", f"socket,id=gdb,{name},server=on,wait=off"]
            command += ["-gdb", "chardev:gdb"]
        self.process = self._spawn(command)

    def complaint(self) -> str:
        """What QEMU itself wrote on its standard error so far."""
        return self._messages.read_text(errors="replace").strip()

    def stop(self) -> None:
        """End QEMU if it still runs, and close the sockets. Can be called again."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.serial.close()
        if self.qmp is not None:
            self.qmp.close()
        self._folder.cleanup()

    @property
    def _messages(self) -> Path:
        return Path(self._folder.name, "messages")

    def _connection(self) -> tuple[socket.socket, str]:
        """Our end of a new connection, and QEMU's name for the other."""
        ours, theirs = socket.socketpair()
        self._ends.append(theirs)
        return ours, f"fd={theirs.fileno()}"

    def _listener(self, name: str) -> tuple[Path, str]:
        """The path of a new Unix socket that QEMU listens on, and QEMU's name for it."""
        path = Path(self._folder.name, name)
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(path))
        listener.listen(1)
        self._ends.append(listener)
        return path, f"fd={listener.fileno()}"

    def _spawn(self, command: list[str]) -> subprocess.Popen[bytes]:
        """Run `command` with the sockets made for it, which it alone keeps, so that its end shows
        as theirs."""
        if shutil.which("setpriv"):  # of util-linux: QEMU then dies with us even if we are killed
            command = ["setpriv", "--pdeathsig", "KILL", *command]
        with self._messages.open("wb") as messages:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=messages,
                stderr=messages,
                pass_fds=[end.fileno() for end in self._ends],
                start_new_session=True,  # Ctrl-C is for pykasm, which then ends QEMU itself
            )
        for end in self._ends:
            end.close()
        return process
