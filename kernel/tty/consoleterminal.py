"""The terminal that programs begin at: the kernel's console."""

from __future__ import annotations

from kernel.console.console import Console
from kernel.fs.characterdevices import CharacterDriver, device
from kernel.fs.file import File, FileOperations
from kernel.fs.inode import Inode
from kernel.tty.terminal import OUTPUT_SIZE, Terminal, TerminalDriver
from kernel.tty.terminalfiles import TerminalFiles
from kernel.tty.termios import first_termios
from pykasm import *

MAJOR = 5
CONSOLE = 1
"""Its number."""


class ConsoleTerminal(CharacterDriver):
    """The console as a terminal, `/dev/console` (console(4)). Context: thread."""

    def __init__(self, console: Console, files: TerminalFiles) -> None:
        self.console = console
        self.driver = rodata(TerminalDriver, TerminalDriver(room=self._room, send=self._send))
        self.terminal = data(
            Terminal, Terminal(driver=address_of(self.driver), modes=first_termios())
        )
        self.operations = rodata(FileOperations, files.table(self.open))
        self.devices = [device(MAJOR, CONSOLE, address_of(self.operations), "console", 0o600)]

    @function
    def open(self, inode: Ptr[Inode], file: Ptr[File]) -> OrErrno[I32]:
        """Make `file` one of this terminal's."""
        lea(rax, self.terminal)
        mov(file.private, rax)
        ret(0)

    @function
    def _room(self, terminal: Ptr[Terminal]) -> U32:
        """There is room for any number, as `OutputRoom` says: who sends waits."""
        ret(OUTPUT_SIZE)

    @function(context="thread", sleeps=True)
    def _send(self, terminal: Ptr[Terminal], bytes: Ptr[U8], length: U32) -> None:
        """Show bytes, as `SendOutput` says."""
        tail(self.console.write, bytes, length)
