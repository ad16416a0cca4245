"""What the instructions of a run go to, counted by QEMU's log of what it executes.

Told to translate one instruction at a time (`-singlestep`; `one-insn-per-tb` from QEMU 8.1 on) and
to chain none (`-d exec,nochain`), QEMU writes a line for each instruction, with its address, before
it executes that: one that a fault or an interrupt keeps from its end counts once more. A run takes
a hundred times as long as others.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from typing import NamedTuple

from pykasm.machine.qemu import PROGRAM
from pykasm.machine.symbols import Location, SymbolTable, UnknownSymbol

CHUNK = 1 << 22
TRACE = re.compile(rb"^Trace \d+: 0x[0-9a-f]+ \[[0-9a-f]+/([0-9a-f]+/[0-9a-f]+)/", re.MULTILINE)
"""A line of the log: in the brackets the address comes second, flags come third (QEMU:
accel/tcg/cpu-exec.c)."""

OF_PROGRAM = re.compile(rb"^Trace \d+: 0x[0-9a-f]+ \[[0-9a-f/]+[37bf]/[0-9a-f]+\]", re.MULTILINE)
"""One of a program, by the privilege level in the last digit of the flags."""

PRIVILEGE, OF_PROGRAMS = 3, 3
"""The privilege level in the flags, and that of programs (QEMU: target/i386/cpu.h)."""

ONE_BY_ONE_SINCE = (8, 1)
"""The version of QEMU from which on `-singlestep` is called otherwise."""

PROGRAM_ITSELF = "(the program itself)"
ELSEWHERE = "(elsewhere)"
"""What stands for code that is no function's of the kernel: of programs, and of firmware."""


class Row(NamedTuple):
    """What so many `instructions` were of: a function, or a line of one."""

    instructions: int
    name: str


@dataclass
class Profile:
    """How often the instruction at each address was executed; with `in_programs`, only from the
    first one of a program on. `counts` has them by what the log says of them."""

    in_programs: bool = False
    counts: Counter[bytes] = field(default_factory=Counter)

    def read(self, chunks: Iterable[bytes]) -> None:
        """Count what the log says, in pieces of any size."""
        rest = b""
        for chunk in chunks:
            whole, _, rest = (rest + chunk).rpartition(b"\n")
            self._count(whole)

    def _count(self, lines: bytes) -> None:
        start = 0
        if self.in_programs and not self.counts:
            first = OF_PROGRAM.search(lines)
            start = first.start() if first else len(lines)
        self.counts.update(TRACE.findall(lines, start))

    @property
    def total(self) -> int:
        """All instructions."""
        return self.counts.total()

    def by_function(self, symbols: SymbolTable) -> list[Row]:
        """Return the functions, those with most instructions first."""
        return self._rows(lambda place: _function(symbols, place))

    def by_line(self, symbols: SymbolTable) -> list[Row]:
        """Return the lines of Python, those with most instructions first."""
        return self._rows(lambda place: _line(symbols, place))

    def _rows(self, name: Callable[[_Place], str]) -> list[Row]:
        found: Counter[str] = Counter()
        for said, count in self.counts.items():
            found[name(_Place.of(said))] += count
        return [Row(count, one) for one, count in found.most_common()]


class _Place(NamedTuple):
    """The address of an instruction, and whether a program executes it."""

    address: int
    is_in_program: bool

    @classmethod
    def of(cls, said: bytes) -> _Place:
        """The place that the log tells of."""
        address, flags = (int(one, 16) for one in said.split(b"/"))
        return cls(address, flags & PRIVILEGE == OF_PROGRAMS)


def _location(symbols: SymbolTable, place: _Place) -> Location | None:
    """Return where in the kernel a place is."""
    try:
        return None if place.is_in_program else symbols.lookup(place.address)
    except UnknownSymbol:
        return None


def _function(symbols: SymbolTable, place: _Place) -> str:
    found = _location(symbols, place)
    if found is None:
        return PROGRAM_ITSELF if place.is_in_program else ELSEWHERE
    return found.symbol.name


def _line(symbols: SymbolTable, place: _Place) -> str:
    found = _location(symbols, place)
    if found is None:
        return _function(symbols, place)
    return f"{found.symbol.name} {found.source or ''}".rstrip()


@contextmanager
def profiled(profile: Profile) -> Iterator[tuple[str, ...]]:
    """Give the arguments with which QEMU writes its log, and count what comes of it meanwhile."""
    with tempfile.TemporaryDirectory(prefix="pykasm-") as folder:
        pipe = Path(folder, "log")
        os.mkfifo(pipe)
        reader = Thread(target=lambda: profile.read(_chunks(pipe)), daemon=True)
        reader.start()
        try:
            yield (*_one_by_one(), "-d", "exec,nochain", "-D", str(pipe))
        finally:
            with suppress(OSError):  # nobody reads: all has been read
                os.close(os.open(pipe, os.O_WRONLY | os.O_NONBLOCK))
            reader.join()


def _chunks(pipe: Path) -> Iterator[bytes]:
    with pipe.open("rb", buffering=0) as file:
        while chunk := file.read(CHUNK):
            yield chunk


def _one_by_one() -> tuple[str, ...]:
    """Return the arguments that have this QEMU translate one instruction at a time."""
    said = subprocess.run([PROGRAM, "--version"], capture_output=True, text=True, check=True).stdout
    version = re.search(r"version (\d+)\.(\d+)", said)
    assert version is not None, said
    is_new = (int(version[1]), int(version[2])) >= ONE_BY_ONE_SINCE
    return ("-accel", "tcg,one-insn-per-tb=on") if is_new else ("-singlestep",)
