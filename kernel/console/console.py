"""The console: output to the serial line and the screen."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from kernel.console.output import SerialOutput
from kernel.console.screen import TextScreen
from kernel.locks.spinlock import SpinLock
from kernel.text.numbers import Numbers
from kernel.text.symbols import Symbols
from kernel.text.writer import Writer
from pykasm import *


class Console(Writer):
    """The kernel's console: the serial line and the screen.

    `console.print("mem %x %z\\n", address, size)` in any function's body prints to both devices;
    see `kernel.text.format` for the directives. The text of one `print` stays together: it is
    written with the console's lock held and interrupts off. A thread first sleeps until the serial
    line's ring has space; other contexts poll the line if it is full. A panic calls `break_lock`
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
        """Write the translated `format` in one piece, with the arguments at rsp."""
        self._format_locked(text(format), rsp)

    @function
    def _format_locked(self, format: Keep[Ptr[U8]], arguments: Keep[Ptr[U64]]) -> None:
        """Write the translated `format` in one piece. Context: any that does not hold the lock."""
        with self._held():
            self.format(format, arguments)

    @function
    def write_byte(self, byte: Keep[U8]) -> None:
        """Write `byte` and show the cursor after it. Context: any that does not hold the lock."""
        with self._held():
            self.put(byte)

    @function(context="thread", sleeps=True)
    def write(self, bytes: Keep[Ptr[U8]], length: Keep[U32]) -> None:
        """Write `length` bytes in one piece, as they are."""
        with self._held(), while_(length != 0):
            self.output.put(at(bytes))
            self.screen.write_byte(at(bytes))
            inc(bytes)
            dec(length)

    @inline(changes=CALLER_SAVED)
    @contextmanager
    def _held(self) -> Iterator[None]:
        """Hold the lock in the block; then send what it has written, and show the cursor."""
        self.output.wait_for_space()  # before the lock: who holds a spin lock may not sleep
        with self.lock.held():
            yield
            self.output.finish()
            self.screen.show_cursor()

    @function
    def break_lock(self) -> None:
        """Break the lock open and send what was written so far. Context: a panic, when no other
        processor runs on."""
        self.lock.break_open()
        tail(self.output.break_lock)

    @function(context="any")
    def flush(self) -> None:
        """Wait until all that was written has been sent. Context: any."""
        tail(self.output.flush)

    @function(holds="lock")
    def put(self, byte: Keep[U8]) -> None:
        """Write `byte` to both devices; the serial line gets `\\r\\n` for `\\n`."""
        with if_(byte == ord("\n")):
            self.output.put(ord("\r"))
        self.output.put(byte)
        tail(self.screen.write_byte, byte)

    @function
    def set_colour(self, colour: U8) -> None:
        """Set the colour of text on the screen; on the serial line it stays plain, for logs."""
        tail(self.screen.set_colour, colour)
