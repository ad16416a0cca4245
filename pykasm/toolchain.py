"""The external programs: which there are, what brings them, and how they are run."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pykasm.errors import PykasmError
from pykasm.packages import this_system

VERSION = re.compile(r"\d+(?:\.\d+)+[\w.+-]*")
REPRODUCIBLE = {"LC_ALL": "C", "TZ": "UTC"}
"""Settings under which each program prints and writes the same everywhere."""


@dataclass(frozen=True, slots=True)
class Tool:
    """A program, or a file that comes with one.

    `package` is its Debian and Ubuntu package, `purpose` what needs it. `files` are the places
    where a file may lie; without any, the tool is a program on the search path, which elsewhere
    may have another one of `names`.
    """

    package: str
    purpose: str
    files: tuple[str, ...] = ()
    names: tuple[str, ...] = ()


FONT_FOLDERS = (
    "/usr/share/fonts/X11/misc",
    "/usr/share/fonts/misc",
    "~/.local/share/fonts",
    "~/Library/Fonts",
)
"""Where systems and people keep bitmap fonts."""

TOOLS: Mapping[str, Tool] = {
    "ld": Tool("binutils", "linking the kernel", names=("x86_64-elf-ld",)),
    "strip": Tool("binutils", "the kernel on the ISO", names=("x86_64-elf-strip",)),
    "as": Tool("binutils", "tests against GNU as"),
    "objdump": Tool("binutils", "tests of object files"),
    "readelf": Tool("binutils", "tests of object files"),
    "grub-mkimage": Tool(
        "grub-common",
        "the boot loader on the ISO",
        names=("grub2-mkimage", "x86_64-elf-grub-mkimage", "i686-elf-grub-mkimage"),
    ),
    "GRUB for BIOS": Tool(
        "grub-pc-bin",
        "the boot loader on the ISO",
        ("/usr/lib/grub/i386-pc", "/usr/share/grub2/i386-pc", "/usr/lib/grub2/i386-pc"),
    ),
    "GRUB for UEFI": Tool(
        "grub-efi-amd64-bin",
        "the boot loader on the ISO",
        ("/usr/lib/grub/x86_64-efi", "/usr/share/grub2/x86_64-efi", "/usr/lib/grub2/x86_64-efi"),
    ),
    "mformat": Tool("mtools", "the UEFI partition of the ISO"),
    "mmd": Tool("mtools", "the UEFI partition of the ISO"),
    "mcopy": Tool("mtools", "the UEFI partition of the ISO"),
    "xorriso": Tool("xorriso", "writing the ISO"),
    "qemu-system-x86_64": Tool("qemu-system-x86", "run, debug and boot tests"),
    "UEFI firmware": Tool(
        "ovmf",
        "run --uefi and UEFI boot tests",
        ("/usr/share/ovmf/OVMF.fd", "/usr/share/edk2/x64/OVMF.4m.fd", "/usr/share/qemu/OVMF.fd"),
    ),
    "gdb": Tool("gdb", "debug and tests of debug information"),
    **{
        f"Spleen {size}": Tool(
            "fonts-spleen",
            "the letters on framebuffers",
            tuple(
                f"{folder}/spleen-{size}.{form}"
                for folder in FONT_FOLDERS
                for form in ("pcf.gz", "pcf", "bdf")
            ),
        )
        for size in ("8x16", "16x32")
    },
}


class ToolsMissing(PykasmError):
    """External programs that the work needs and this machine lacks."""

    def __init__(self, names: list[str]) -> None:
        self.names = names
        system = this_system()
        lines = [
            f"  {name}: for {TOOLS[name].purpose}, in the {system.source(TOOLS[name].package)}"
            for name in names
        ]
        plural = "s are" if len(names) > 1 else " is"
        head = f"{len(names)} external program{plural} missing:"
        tail = system.help(TOOLS[name].package for name in names)
        super().__init__("\n".join([head, *lines, tail]))


class CommandFailed(PykasmError):
    """An external command that ended with a failure; `output` is all that it printed."""

    def __init__(self, command: tuple[str, ...], status: int, output: str) -> None:
        self.command = command
        self.status = status
        self.output = output
        shown = shlex.join(command)
        super().__init__(
            f"{command[0]} failed (exit status {status}):\n  {shown}\n{output}".rstrip()
        )


class Reporter:
    """Where external commands are announced: nowhere, unless `verbose`."""

    def __init__(self, verbose: bool = False) -> None:
        self.verbose = verbose

    def command(self, command: tuple[str, ...]) -> None:
        """Announce that `command` is about to run."""
        if self.verbose:
            print(f"+ {shlex.join(command)}", flush=True)


QUIET = Reporter()


@dataclass(frozen=True, slots=True)
class Found:
    """A line of `doctor`: `path` and `version` are None where there is none."""

    name: str
    tool: Tool
    path: Path | None
    version: str | None


def find(name: str) -> Path | None:
    """Where the tool `name` of `TOOLS` is on this machine; None if it is not there."""
    files = TOOLS[name].files
    if not files:
        program = shutil.which(_name_here(name))
        return Path(program) if program else None
    places = (Path(file).expanduser() for file in files)
    return next((place for place in places if place.exists()), None)


def _name_here(name: str) -> str:
    """What the program `name` is called on this machine, if it is one of `TOOLS` and there."""
    others = TOOLS[name].names if name in TOOLS else ()
    return next((one for one in others if not shutil.which(name) and shutil.which(one)), name)


def require(*names: str) -> None:
    """Make sure that all of `names` are there, before any work starts.

    Raises `ToolsMissing`, which names every missing one and the packages that bring them.
    """
    missing = [name for name in names if find(name) is None]
    if missing:
        raise ToolsMissing(missing)


def located(name: str) -> Path:
    """The path of `name`; raises `ToolsMissing` if it is not there."""
    path = find(name)
    if path is None:
        raise ToolsMissing([name])
    return path


def identity(name: str) -> str:
    """What changes when another version of the program `name` is installed; it is not run."""
    facts = located(name).stat()
    return f"{name} {facts.st_size} {facts.st_mtime_ns}"


def run(
    *command: str | Path,
    reporter: Reporter = QUIET,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> str:
    """Run `command` in `folder` and give back all that it printed. A program of `TOOLS` is run by
    the name that it has here.

    `environment` is added to this process's. Raises `ToolsMissing` if there is no such program,
    `CommandFailed` if it ends with a failure.
    """
    first, *rest = map(str, command)
    words = (_name_here(first), *rest)
    reporter.command(words)
    try:
        process = subprocess.run(
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, **REPRODUCIBLE, **(environment or {})},
            cwd=folder,
            encoding="utf-8",
            errors="replace",
            check=False,
        )
    except FileNotFoundError:
        raise ToolsMissing([words[0]]) from None
    if process.returncode:
        raise CommandFailed(words, process.returncode, process.stdout)
    return process.stdout


def doctor() -> list[Found]:
    """What this machine has of every tool, in the order of `TOOLS`."""
    return [_examined(name, tool) for name, tool in TOOLS.items()]


def _examined(name: str, tool: Tool) -> Found:
    path = find(name)
    if path is None or tool.files:
        return Found(name, tool, path, None)
    try:
        version = VERSION.search(run(path, "--version"))
    except CommandFailed:
        version = None
    return Found(name, tool, path, version.group() if version else None)
