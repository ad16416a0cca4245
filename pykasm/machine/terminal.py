"""A machine's serial line on this terminal."""

from __future__ import annotations

import codecs
import os
import select
import sys
import termios
import time
import tty
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from pykasm.machine.annotate import Annotator
from pykasm.machine.qemu import Qemu

CHUNK = 65536
QUIET_TIME = 0.05
"""Seconds without output after which what the annotator holds back is shown."""


class TimeIsUp(Exception):
    """The machine still ran when its time was over."""


class Terminal:
    """Passes what is typed to the serial line of `qemu`, and what comes back to standard output
    through `annotator`, until the machine ends."""

    def __init__(self, qemu: Qemu, annotator: Annotator) -> None:
        self._qemu = qemu
        self._annotator = annotator
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._sources = [sys.stdin.fileno(), qemu.serial.fileno()]

    def attend(self, seconds: float | None = None) -> int:
        """Stay until the machine ends; QEMU's exit status. `TimeIsUp` after `seconds`."""
        deadline = None if seconds is None else time.monotonic() + seconds
        with _raw_mode(sys.stdin.fileno()):
            while self._pass_on(deadline):
                if deadline is not None and time.monotonic() >= deadline:
                    raise TimeIsUp
        return self._qemu.process.wait()

    def _pass_on(self, deadline: float | None) -> bool:
        """Handle what there is on either side; False once the machine has ended."""
        limit = QUIET_TIME
        if deadline is not None:
            limit = min(limit, max(0.0, deadline - time.monotonic()))
        ready, _, _ = select.select(self._sources, [], [], limit)
        if not ready:
            _show(self._annotator.flush())
        if sys.stdin.fileno() in ready:
            self._type()
        return self._qemu.serial.fileno() not in ready or self._receive()

    def _type(self) -> None:
        typed = os.read(sys.stdin.fileno(), CHUNK)
        if not typed:  # the end of a file; the machine goes on
            self._sources.remove(sys.stdin.fileno())
        with suppress(BrokenPipeError, ConnectionResetError):  # `_receive` sees the machine's end
            self._qemu.serial.sendall(typed)

    def _receive(self) -> bool:
        try:
            came = self._qemu.serial.recv(CHUNK)
        except ConnectionResetError:
            came = b""
        _show(self._annotator.feed(self._decoder.decode(came, final=not came)))
        if not came:
            _show(self._annotator.flush())
        return bool(came)


def _show(text: str) -> None:
    if text:
        sys.stdout.write(text)
        sys.stdout.flush()


@contextmanager
def _raw_mode(descriptor: int) -> Iterator[None]:
    """Have each key passed on at once and unseen, if `descriptor` is a terminal."""
    if not os.isatty(descriptor):
        yield
        return
    before = termios.tcgetattr(descriptor)
    tty.setraw(descriptor)
    attributes = termios.tcgetattr(descriptor)
    attributes[1] |= termios.OPOST  # a bare line feed still returns to the left
    termios.tcsetattr(descriptor, termios.TCSANOW, attributes)
    try:
        yield
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
