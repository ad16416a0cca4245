"""A machine under test: what it says on the serial line, what is in its memory, how it ends."""

from __future__ import annotations

import io
import re
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any, NoReturn

import pexpect
from pexpect.fdpexpect import fdspawn

from pykasm.machine.qemu import STATUS_MEANINGS, MachineOptions, Qemu
from pykasm.machine.qmp import Qmp

PROMPT = "pykasm> "
LINES_SHOWN = 40
"""How many of the last serial lines a failure shows."""

PATIENCE = 30.0
"""Seconds that one expectation waits; for a busy host, as a machine that works needs far less."""

LIFETIME = 120.0
"""Seconds after which every wait for a machine fails, whatever it says meanwhile."""

VGA_TEXT = 0xB8000
VGA_COLUMNS, VGA_ROWS = 80, 25


class ExpectationError(AssertionError):
    """The machine did not do what the test expects; the message ends with what it last said."""


class _SerialLine(fdspawn):  # type: ignore[misc] # pexpect has no types
    """The serial line for pexpect. A QEMU that ends with input unread resets the connection, which
    is an end like any other."""

    def read_nonblocking(self, size: int = 1, timeout: float | None = -1) -> str:
        try:
            return str(super().read_nonblocking(size, timeout))
        except ConnectionResetError:
            raise pexpect.EOF("the machine ended") from None


class Machine:
    """A running machine, to be used in `with`, which ends it whatever happens.

    Every wait fails with `ExpectationError` when its own time or `lifetime` (seconds from the
    start) is over, or when the machine ends first. Nothing here uses a fixed port or path, so any
    number of machines can run side by side.
    """

    def __init__(self, options: MachineOptions, *, lifetime: float = LIFETIME) -> None:
        self.options = options
        self._transcript = io.StringIO()
        self._deadline = time.monotonic() + lifetime
        self._qemu = Qemu(options)
        self._line = _SerialLine(self._qemu.serial, encoding="utf-8", codec_errors="replace")
        self._line.logfile_read = self._transcript
        self._line.delaybeforesend = None
        self._qmp: Qmp | None = None
        self._open = True

    def __enter__(self) -> Machine:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the machine; what it had said stays readable. Can be called again."""
        if not self._open:
            return
        self._drain()
        self._open = False
        if self._qmp is not None:
            self._qmp.close()
        self._qemu.stop()

    @property
    def process_id(self) -> int:
        """QEMU's process id."""
        return self._qemu.process.pid

    @property
    def output(self) -> str:
        """Everything read from the serial line so far, with plain line ends."""
        return self._transcript.getvalue().replace("\r\n", "\n")

    def last_output(self) -> str:
        """The last `LINES_SHOWN` lines of the serial line, with what has come unread."""
        if self._open:
            self._drain()
        return "\n".join(self.output.splitlines()[-LINES_SHOWN:])

    # The serial line

    def expect(self, pattern: str, timeout: float = PATIENCE) -> re.Match[str]:
        """Wait up to `timeout` seconds until the output matches the regular expression `pattern`.

        The search starts after the last match, and lines end in `\\r\\n`. Returns the match.
        """
        __tracebackhide__ = True
        limit = min(timeout, self._time_left())
        index = self._line.expect([pattern, pexpect.EOF, pexpect.TIMEOUT], timeout=limit)
        if index == 1:
            self._fail(f"{self._ending()} before it said `{pattern}`")
        if index == 2:
            self._fail(f"nothing matched `{pattern}` within {limit:.3g} s")
        match = self._line.match
        assert isinstance(match, re.Match)
        return match

    def expect_prompt(self, timeout: float = PATIENCE) -> str:
        """Wait for the monitor's prompt; return what was said before it, with plain line ends."""
        __tracebackhide__ = True
        self.expect(PROMPT, timeout)
        return str(self._line.before).replace("\r\n", "\n")

    def send(self, text: str) -> None:
        """Type `text` on the serial line, without a line end."""
        self._line.send(text)

    def send_line(self, line: str) -> None:
        """Type `line` and Return on the serial line."""
        self.send(line + "\r")

    def command(self, line: str, timeout: float = PATIENCE) -> str:
        """Give the monitor's prompt the command `line` and return its output, without the echo.

        The prompt must have been waited for; it is waited for again.
        """
        __tracebackhide__ = True
        self.send_line(line)
        said = self.expect_prompt(timeout)
        return said.partition("\n")[2].removesuffix("\n")

    # The end

    def wait_exit(self, timeout: float = PATIENCE) -> int:
        """Wait until the machine ends by itself; return QEMU's exit status (see `qemu`)."""
        __tracebackhide__ = True
        limit = min(timeout, self._time_left())
        if self._line.expect([pexpect.EOF, pexpect.TIMEOUT], timeout=limit) == 1:
            self._fail(f"the machine still ran after {limit:.3g} s")
        return self._status()

    def _status(self) -> int:
        try:
            return self._qemu.process.wait(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            self._fail("QEMU closed the serial line but did not end")

    def _ending(self) -> str:
        status = self._status()
        meaning = STATUS_MEANINGS.get(status, "killed" if status < 0 else "failed")
        return f"the machine ended with status {status} ({meaning})"

    def _time_left(self) -> float:
        return max(0.0, self._deadline - time.monotonic())

    def _drain(self) -> None:
        self._line.expect([pexpect.EOF, pexpect.TIMEOUT], timeout=0)

    def _fail(self, what: str) -> NoReturn:
        __tracebackhide__ = True
        said = self.last_output() or "(nothing)"
        complaint = self._qemu.complaint()
        parts = [what, f"last serial output:\n{said}"]
        if complaint:
            parts.append(f"QEMU itself said:\n{complaint}")
        raise ExpectationError("\n".join(parts))

    # Looking and reaching inside

    def qmp(self, command: str, **arguments: Any) -> Any:
        """Give QEMU the monitor command `command` (QEMU QMP reference) and return its answer."""
        if self._qmp is None:
            assert self._qemu.qmp is not None
            self._qmp = Qmp(self._qemu.qmp)
        return self._qmp.execute(command, arguments)

    def memory(self, address: int, size: int) -> bytes:
        """`size` bytes of physical memory from `address`."""
        with tempfile.TemporaryDirectory(prefix="pykasm-") as folder:
            file = Path(folder, "memory")
            self.qmp("pmemsave", val=address, size=size, filename=str(file))
            return file.read_bytes()

    def screen(self) -> list[str]:
        """The VGA text screen: 25 lines, blanks on the right removed."""
        cells = self.memory(VGA_TEXT, 2 * VGA_COLUMNS * VGA_ROWS)
        text = cells[::2].replace(b"\0", b" ").decode("cp437")
        starts = range(0, len(text), VGA_COLUMNS)
        return [text[start : start + VGA_COLUMNS].rstrip() for start in starts]

    def screen_attributes(self, row: int) -> bytes:
        """The colour bytes (background << 4 | foreground) of line `row` of the VGA text screen."""
        return self.memory(VGA_TEXT + 2 * VGA_COLUMNS * row, 2 * VGA_COLUMNS)[1::2]

    def picture(self, file: Path) -> None:
        """Save what the display shows to `file`, as PNG."""
        self.qmp("screendump", filename=str(file.absolute()), format="png")

    def pixels(self) -> bytes:
        """What the display shows, as a PPM file."""
        with tempfile.TemporaryDirectory(prefix="pykasm-") as folder:
            file = Path(folder, "picture")
            self.qmp("screendump", filename=str(file), format="ppm")
            return file.read_bytes()

    def key(self, *keys: str) -> None:
        """Press keys one after the other on the PS/2 keyboard, by QEMU's names: `a`, `ret`,
        `spc`; held together with a hyphen: `shift-a`."""
        for chord in keys:
            held = [{"type": "qcode", "data": name} for name in chord.split("-")]
            self.qmp("send-key", keys=held)

    @property
    def gdb_address(self) -> Path:
        """The socket for gdb's `target remote`; the machine was started with `gdb`."""
        assert self._qemu.gdb_address is not None, "start the machine with `gdb`"
        return self._qemu.gdb_address
