"""gdb at work on a machine: breakpoints by Python line, steps, backtraces, values."""

from __future__ import annotations

import os
import shlex
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import pexpect

from pykasm.machine import gdbprogram
from pykasm.machine.executable import Executable
from pykasm.machine.mi import MiValue, Record
from pykasm.toolchain import require

PROGRAM = "gdb"
PATIENCE = 30.0
"""Seconds that gdb has for an answer, and the machine for the next stop."""


class GdbError(AssertionError):
    """gdb refused a command, or the machine did not stop in time; the message is gdb's own."""


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame of a backtrace; `file` and `line` are None where gdb has no line."""

    function: str
    address: int
    file: Path | None
    line: int | None

    @classmethod
    def from_mi(cls, values: MiValue) -> Frame:
        """The frame in gdb's answer."""
        assert isinstance(values, dict)
        file, line = values.get("fullname"), values.get("line")
        return cls(
            function=str(values.get("func", "")),
            address=int(str(values["addr"]), 16),
            file=Path(str(file)) if file else None,
            line=int(str(line)) if line else None,
        )


@dataclass(frozen=True, slots=True)
class Stop:
    """Why the machine stopped (`breakpoint-hit`, `end-stepping-range`, …) and where."""

    reason: str
    frame: Frame


def arguments(
    kernel: Path, address: Path, source: Path, program: Executable | None = None
) -> list[str]:
    """What makes gdb read the symbols of `kernel`, and of a `program` that runs on it, find its
    lines below the folder `source` and attach to the socket `address`."""
    commands = (
        "set confirm off",
        "set pagination off",
        f"directory {source}",
        f"file {kernel}",
        *([f"add-symbol-file {program.symbols}"] if program else ()),
        f"target remote {address}",
    )
    return ["-q", "-nx", *(part for command in commands for part in ("-ex", command))]


def stop_at_first(functions: tuple[str, ...]) -> list[str]:
    """What makes gdb run the machine up to the first of `functions`, a kernel's entry points."""
    stops = [f"tbreak {function}" for function in functions]
    return [part for command in (*stops, "continue", "delete") for part in ("-ex", command)]


def stop_in_program(program: Executable) -> list[str]:
    """What makes gdb run the machine up to the first instruction of `program`."""
    return ["-x", gdbprogram.__file__, "-ex", f"{gdbprogram.NAME} {program.entry:#x}"]


def shown(words: list[str]) -> str:
    """The command line of gdb with the arguments `words`."""
    return shlex.join([PROGRAM, *words])


class Gdb:
    """gdb attached to a machine that was started with `gdb`; to be used in `with`.

    `kernel` is the ELF file with the debugging information, `address` the machine's socket and
    `source` the folder that source paths are relative to.
    """

    def __init__(self, kernel: Path, address: Path, source: Path) -> None:
        require(PROGRAM)
        self._process = pexpect.spawn(
            PROGRAM,
            ["--interpreter=mi3", "-nx", "-q"],
            encoding="utf-8",
            codec_errors="replace",
            echo=False,
            timeout=PATIENCE,
            env={**os.environ, "TERM": "dumb", "LC_ALL": "C"},
        )
        self._process.delaybeforesend = None
        self._stops: list[Record] = []
        for command in arguments(kernel, address, source)[2:]:
            if command != "-ex":
                self.console(command)
        self._stops.clear()  # attaching counts as a stop

    def __enter__(self) -> Gdb:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End gdb. Can be called again."""
        self._process.close(force=True)

    def console(self, command: str) -> str:
        """Give gdb a command as a person would type it, and return what it prints."""
        quoted = command.replace("\\", "\\\\").replace('"', '\\"')
        _, said = self._ask(f'-interpreter-exec console "{quoted}"')
        return said

    def break_at(self, place: str) -> None:
        """Stop before `place` runs: a function or `file.py:line`. A place that gdb does not know
        is an error."""
        self._ask(f"-break-insert {place}")

    def resume(self, timeout: float = PATIENCE) -> Stop:
        """Continue the machine and wait until it stops again."""
        return self._move("-exec-continue", timeout)

    def step(self) -> Stop:
        """Run to the next line, into calls."""
        return self._move("-exec-step")

    def next(self) -> Stop:
        """Run to the next line, over calls."""
        return self._move("-exec-next")

    def step_instruction(self) -> Stop:
        """Run one instruction."""
        return self._move("-exec-step-instruction")

    def finish(self) -> Stop:
        """Run until the function returns."""
        return self._move("-exec-finish")

    def backtrace(self) -> list[Frame]:
        """The frames, innermost first."""
        values, _ = self._ask("-stack-list-frames")
        frames = values["stack"]
        assert isinstance(frames, list)
        return [Frame.from_mi(frame) for frame in frames]

    def evaluate(self, expression: str) -> str:
        """The value of `expression` as gdb prints it."""
        values, _ = self._ask(f'-data-evaluate-expression "{expression}"')
        return str(values["value"])

    def _move(self, command: str, timeout: float = PATIENCE) -> Stop:
        self._ask(command)
        deadline = time.monotonic() + timeout
        while not self._stops:
            self._read(deadline, f"the machine did not stop after `{command}`")
        values = self._stops.pop(0).values or {}
        return Stop(str(values.get("reason", "")), Frame.from_mi(values["frame"]))

    def _ask(self, command: str) -> tuple[dict[str, MiValue], str]:
        """Send an MI command; return its values and what gdb printed meanwhile."""
        self._process.sendline(command)
        deadline = time.monotonic() + PATIENCE
        said: list[str] = []
        while True:
            record = self._read(deadline, f"gdb did not answer `{command}`")
            if record is None:
                continue
            if record.kind == "~":
                said.append(record.text)
            elif record.kind == "^":
                return self._checked(record, command), "".join(said)

    def _checked(self, record: Record, command: str) -> dict[str, MiValue]:
        values = record.values or {}
        if record.word == "error":
            raise GdbError(f"gdb refused `{command}`: {values.get('msg')}")
        return values

    def _read(self, deadline: float, late: str) -> Record | None:
        """Read one line of gdb's, remember it if it is a stop; `late` is the error's message."""
        limit = max(0.0, deadline - time.monotonic())
        found = self._process.expect([r"\r?\n", pexpect.EOF, pexpect.TIMEOUT], timeout=limit)
        if found == 1:
            raise GdbError(f"gdb ended: {late}")
        if found == 2:
            raise GdbError(late)
        record = Record.parse(self._process.before.strip("\r"))
        if record is not None and record.kind == "*" and record.word == "stopped":
            self._stops.append(record)
        return record
