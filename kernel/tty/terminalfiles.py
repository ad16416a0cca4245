"""Terminals as open files."""

from __future__ import annotations

from typing import Any

from kernel.fs.file import FileKindFlag, FileOperations
from kernel.fs.filedefaults import FileDefaults
from kernel.tty.terminalcontrol import TerminalControl
from kernel.tty.terminalwriting import TerminalWriting
from pykasm import *


class TerminalFiles(Subsystem):
    """What all terminals do alike. `File.private` is the terminal."""

    def __init__(
        self, defaults: FileDefaults, writing: TerminalWriting, control: TerminalControl
    ) -> None:
        self.defaults = defaults
        self.writing = writing
        self.control = control

    def table(self, open: Any) -> FileOperations:
        """Return the operations of terminals that are opened by the function `open`."""
        return self.defaults.table(
            flags=FileKindFlag.STREAM,
            open=open,
            write=self.writing.write,
            control=self.control.control,
        )
