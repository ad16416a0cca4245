"""The console: output to the serial line and the text screen."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from kernel.console.output import SerialOutput
from kernel.console.vga import TextScreen
from kernel.locks.spinlock import SpinLock
from kernel.text.numbers import Numbers
from kernel.text.symbols import Symbols
from kernel.text.writer import Writer
from pykasm import *


class Console(Writer):
    """Where the kernel talks to people.

    `console.print("mem %x %z\\n", address, size)` in any function's body prints to both devices;
    see `kernel.text.format` for the directives. What one `print` writes stays together: it
    holds the console's lock, with interrupts off. A thread first waits, asleep, for room on the
    serial line; who may not sleep waits for the line itself, if it has to. A panic calls `seize`
    first.
    """

    def __init__(
        self, output: SerialOutput, screen: TextScreen, numbers: Numbers, symbols: Symbols
    ) -> None:
        super().__init__(numbers, symbols)
        self.output = output
        self.screen = screen
        self.lock = bss(SpinLock)

    @inline(changes=CALLER_SAVED)
    def emit_call(self, format: str) -> None:
        """Emit a call that writes the translated `format` in one piece."""
        self._format_locked(text(format), rsp)

    @function
    def _format_locked(self, format: Keep[Ptr[U8]], arguments: Keep[Ptr[U64]]) -> None:
        """Write a translated format in one piece. Context: any that does not hold the lock."""
        with self._held():
            self.format(format, arguments)

    @function
    def write_byte(self, byte: Keep[U8]) -> None:
        """Write `byte` and show the cursor behind it. Context: as `_format_locked`."""
        with self._held():
            self.put(byte)

    @inline(changes=CALLER_SAVED)
    @contextmanager
    def _held(self) -> Iterator[None]:
        """Hold the lock in the block; what that has written then shows on both devices."""
        self.output.expect_room()
        with self.lock.held():
            yield
            self.output.finish()
            self.screen.show_cursor()

    @function
    def seize(self) -> None:
        """Take the console from whoever holds its lock, and send what was written so far. Only a
        panic may: nobody else runs on."""
        self.lock.break_open()
        tail(self.output.seize)

    @function
    def flush(self) -> None:
        """Return when all that was written has gone out. Context: as `_format_locked`."""
        tail(self.output.flush)

    @function
    def put(self, byte: Keep[U8]) -> None:
        """Write `byte` to both devices; the serial line gets `\\r\\n` for `\\n`. Holds the lock."""
        with if_(byte == ord("\n")):
            self.output.put(ord("\r"))
        self.output.put(byte)
        tail(self.screen.write_byte, byte)

    @function
    def set_colour(self, colour: U8) -> None:
        """Set the colour of text on the screen; on the serial line it stays plain, for logs."""
        tail(self.screen.set_colour, colour)
