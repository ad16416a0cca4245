"""The console: output to the serial line and the screen."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from kernel.console.emulator import Emulator
from kernel.console.output import SerialOutput
from kernel.console.renditions import Renditions
from kernel.console.screen import TextScreen
from kernel.console.screenmodes import ScreenModes
from kernel.console.screenstate import Screen
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
        self,
        output: SerialOutput,
        screen: TextScreen,
        emulator: Emulator,
        renditions: Renditions,
        modes: ScreenModes,
        numbers: Numbers,
        symbols: Symbols,
    ) -> None:
        super().__init__(numbers, symbols)
        self.output = output
        self.screen = screen
        self.emulator = emulator
        self.renditions = renditions
        self.modes = modes
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
            self._put_byte(at(bytes))
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
        """Break the lock open, send what was written so far, and show the screen of the kernel,
        whatever programs have made of it. Context: a panic, when no other processor runs on."""
        self.lock.break_open()
        self.screen.show(0)
        self.modes.recover(address_of(self.screen.screens))
        self.screen.draw_all()
        tail(self.output.break_lock)

    @function(context="any")
    def flush(self) -> None:
        """Wait until all that was written has been sent. Context: any."""
        tail(self.output.flush)

    @function(holds="lock")
    def put(self, byte: Keep[U8]) -> None:
        """Write `byte` to both devices, and `\\r\\n` for `\\n`."""
        with if_(byte == ord("\n")):
            self._put_byte(ord("\r"))
        tail(self._put_byte, byte)

    @function(holds="lock")
    def _put_byte(self, byte: Keep[U8]) -> None:
        """Write `byte` to both devices, as it is."""
        self.output.put(byte)
        tail(self.emulator.write, address_of(self.screen.screens), byte)

    # The screens of virtual consoles

    @function(context="thread")
    def start_screen(self, screen: Keep[Ptr[Screen]]) -> None:
        """Begin with `screen`, or begin anew."""
        with self.lock.held():
            self.emulator.start_console(screen)
            self.screen.show_cursor()

    @function(context="thread")
    def write_to(self, screen: Keep[Ptr[Screen]], byte: Keep[U8]) -> None:
        """Write `byte` to `screen` alone. A byte at a time, so that interrupts have to wait for no
        more than a row."""
        with self.lock.held():
            self.emulator.write(screen, byte)

    @function(context="thread")
    def finish_writing(self) -> None:
        """Show the cursor after what was written."""
        with self.lock.held():
            self.screen.show_cursor()

    @function(context="thread")
    def show(self, number: U32) -> None:
        """Show the screen `number` from now on."""
        with self.lock.held():
            self.screen.show(number)
        tail(self._draw)

    @function(context="thread")
    def scroll_back(self, rows: Keep[I32]) -> None:
        """Look at what is `rows` further back, or at what is on the screen again."""
        changed = keep(U32)
        with self.lock.held():
            mov(changed, self.screen.scrollback.move(rows))
        with if_(changed != 0):
            tail(self._draw)

    @function(context="thread")
    def _draw(self) -> None:
        """Draw all, a row at a time."""
        row = keep(U32)
        xor(row, row)
        with while_(row < self.screen.rows):
            with self.lock.held():
                self.screen.draw_row(row)
            inc(row)
        tail(self.finish_writing)

    # What the kernel writes

    @function
    def set_colour(self, colour: U8) -> None:
        """Set the colour of text on the screen; on the serial line it stays plain, for logs."""
        tail(self.renditions.set_colour, address_of(self.screen.screens), colour)
