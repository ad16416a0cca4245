"""What is behind virtual consoles."""

from __future__ import annotations

from kernel.console.console import Console
from kernel.terminal.consoleinput import ConsoleInput
from kernel.tty.terminal import OUTPUT_SIZE, Terminal
from kernel.vt.virtualconsole import VirtualConsole
from pykasm import *


class VirtualDriver(Subsystem):
    """Writes to their screens; what these answer is typed. Context: thread."""

    def __init__(self, console: Console, input: ConsoleInput) -> None:
        self.console = console
        self.input = input

    @function
    def open(self, terminal: Ptr[Terminal]) -> OrErrno[I32]:
        """Count one more open file, of which there can be any number."""
        lock.inc(cast(terminal, Ptr[VirtualConsole]).files)
        ret(0)

    @function
    def close(self, terminal: Ptr[Terminal]) -> None:
        """Count one less."""
        lock.dec(cast(terminal, Ptr[VirtualConsole]).files)

    @function
    def free(self, terminal: Owned[Ptr[Terminal]]) -> None:
        """It is there for good."""
        disown(terminal, "it is no memory that was allocated")

    @function
    def room(self, terminal: Ptr[Terminal]) -> U32:
        """There is always room, as `OutputRoom` says."""
        ret(OUTPUT_SIZE)

    @function(context="thread", sleeps=True)
    def send(self, terminal: Ptr[Terminal], bytes: Keep[Ptr[U8]], length: Keep[U32]) -> None:
        """Show bytes, as `SendOutput` says."""
        console = keep(cast(terminal, Ptr[VirtualConsole]))
        screen = keep(console.screen)
        with while_(length != 0):
            self.console.write_to(screen, at(bytes))
            with if_(screen.answered != 0):  # nobody else writes to it meanwhile
                self.input.answer(console.number, address_of(screen.answer), screen.answered)
                mov(screen.answered, 0)
            inc(bytes)
            dec(length)
        tail(self.console.finish_writing)
