"""Terminals as open files."""

from __future__ import annotations

from typing import Any

from kernel.fs.file import File, FileKindFlag, FileOperations
from kernel.fs.filedefaults import FileDefaults
from kernel.sync.mutex import Mutexes
from kernel.sync.pollqueue import PollEvent, Watcher
from kernel.sync.pollqueues import PollQueues
from kernel.tty.terminal import Terminal
from kernel.tty.terminalcontrol import TerminalControl
from kernel.tty.terminaloutput import TerminalOutput
from kernel.tty.terminalreading import TerminalReading
from kernel.tty.terminalwriting import TerminalWriting
from pykasm import *


class TerminalFiles(Subsystem):
    """What all terminals do alike. `File.private` is the terminal. Context: thread."""

    def __init__(
        self,
        defaults: FileDefaults,
        reading: TerminalReading,
        writing: TerminalWriting,
        control: TerminalControl,
        output: TerminalOutput,
        queues: PollQueues,
        mutexes: Mutexes,
    ) -> None:
        self.defaults = defaults
        self.reading = reading
        self.writing = writing
        self.control = control
        self.output = output
        self.queues = queues
        self.mutexes = mutexes

    def table(self, opener: Any) -> FileOperations:
        """Return the operations of terminals that are opened by the function `opener`."""
        return self.defaults.table(
            flags=FileKindFlag.STREAM,
            open=opener,
            read=self.reading.read,
            write=self.writing.write,
            control=self.control.control,
            poll=self.poll,
        )

    @function(context="thread", sleeps=True)
    def poll(self, file: Ptr[File], watcher: OrNull[Ptr[Watcher]]) -> U32:
        """Return what is possible, as `PollFile` says."""
        terminal, events = keep(cast(file.private, Ptr[Terminal])), keep(U32)
        with if_(watcher != 0):
            self.queues.watch(address_of(terminal.queue), watcher)
        xor(events, events)
        with if_(self.reading.is_ready(terminal)):
            or_(events, PollEvent.IN | PollEvent.READ_NORMAL)
        with self.mutexes.held(terminal.lock):
            self.output.begin(terminal)
            with if_(terminal.room != 0):
                or_(events, PollEvent.OUT | PollEvent.WRITE_NORMAL)
        ret(events)
