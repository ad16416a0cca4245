"""The console: output to the serial line and the text screen."""

from __future__ import annotations

from kernel.console.numbers import Numbers
from kernel.console.serial import Serial
from kernel.console.vga import TextScreen
from kernel.console.writer import Writer
from kernel.debug.symbols import Symbols
from kernel.sync.spinlock import SpinLock
from pykasm import *


class Console(Writer):
    """Where the kernel talks to people.

    `console.print("mem %x %z\\n", address, size)` in any function's body prints to both devices;
    see `kernel.console.format` for the directives. What one `print` writes stays together: it
    holds the console's lock, with interrupts off. A panic calls `seize` first.
    """

    def __init__(
        self, serial: Serial, screen: TextScreen, numbers: Numbers, symbols: Symbols
    ) -> None:
        super().__init__(numbers, symbols)
        self.serial = serial
        self.screen = screen
        self.lock = bss(SpinLock)

    def _write(self, format: str) -> None:
        self.format_locked(text(format), rsp)

    @function
    def format_locked(self, format: Ptr[U8], arguments: Ptr[U64]) -> None:
        """Write a translated format in one piece. Context: any that does not hold the lock."""
        with self.lock.held():
            self.format(format, arguments)
            self.screen.show_cursor()

    @function
    def write_byte(self, byte: U8) -> None:
        """Write `byte` and show the cursor behind it. Context: as `format_locked`."""
        with self.lock.held():
            self.put(byte)
            self.screen.show_cursor()

    @function
    def seize(self) -> None:
        """Take the console from whoever holds its lock. Only a panic may: nobody else runs on."""
        self.lock.break_open()

    @function
    def put(self, byte: U8) -> None:
        """Write `byte` to both devices; the serial line gets `\\r\\n` for `\\n`. Holds the lock."""
        byte = keep(byte)
        with if_(byte == ord("\n")):
            self.serial.write_byte(ord("\r"))
        self.serial.write_byte(byte)
        tail(self.screen.write_byte, byte)

    @function
    def set_colour(self, colour: U8) -> None:
        """Let text on the screen have a colour; on the serial line it stays plain, for logs."""
        tail(self.screen.set_colour, colour)
