"""Terminals as open files."""

from __future__ import annotations

from typing import Any

from kernel.errno import Errno
from kernel.fs.credentials import CapabilityBit
from kernel.fs.file import File, FileKindFlag, FileOperations
from kernel.fs.filedefaults import FileDefaults
from kernel.fs.mode import Access
from kernel.fs.openflag import OpenFlag
from kernel.process.jobcontrol import JobControl
from kernel.process.session import ControllingTerminal
from kernel.sync.mutex import Mutexes
from kernel.sync.pollqueue import READABLE, WRITABLE, PollEvent, Watcher
from kernel.sync.pollqueues import PollQueues
from kernel.tty.terminal import Terminal, is_hung_up
from kernel.tty.terminalcontrol import TerminalControl
from kernel.tty.terminaloutput import TerminalOutput
from kernel.tty.terminalreading import TerminalReading
from kernel.tty.terminals import Terminals
from kernel.tty.terminalwriting import TerminalWriting
from pykasm import *

HUNG_UP = READABLE | WRITABLE | PollEvent.ERROR | PollEvent.HANG_UP
"""What holds then."""


class TerminalFiles(Subsystem):
    """What all terminals do alike. `File.private` is the terminal. Context: thread."""

    def __init__(
        self,
        defaults: FileDefaults,
        reading: TerminalReading,
        writing: TerminalWriting,
        control: TerminalControl,
        output: TerminalOutput,
        terminals: Terminals,
        jobs: JobControl,
        queues: PollQueues,
        mutexes: Mutexes,
    ) -> None:
        self.defaults = defaults
        self.reading = reading
        self.writing = writing
        self.control = control
        self.output = output
        self.terminals = terminals
        self.jobs = jobs
        self.queues = queues
        self.mutexes = mutexes

    def table(self, opener: Any, control: Any = None) -> FileOperations:
        """Return the operations of terminals that are opened by the function `opener`, which calls
        `open`; `control` is for those of which more can be asked."""
        return self.defaults.table(
            flags=FileKindFlag.STREAM,
            open=opener,
            release=self.release,
            read=self.reading.read,
            write=self.writing.write,
            control=control or self.control.control,
            poll=self.poll,
        )

    # Opening and closing

    @function(context="thread")
    def open(
        self, file: Keep[Ptr[File]], job: Keep[Owned[Ptr[ControllingTerminal]]]
    ) -> OrErrno[I32]:
        """Make `file` one of the terminal with this `job`, to which it gets the reference. Returns
        0; -EBUSY if it is in exclusive use, -EIO if it can't be opened."""
        with errdefer(self.terminals.drop, job):
            try_(self._open(file, container_of(scratch(job), Terminal, "job")))
        disown(job, "the file has it")
        ret(0)

    @function(context="thread")
    def _open(self, file: Keep[Ptr[File]], terminal: Keep[Ptr[Terminal]]) -> OrErrno[I32]:
        """Make `file` one of `terminal`, if it may be."""
        with if_(terminal.is_exclusive != 0):
            credentials = scratch(file.credentials)
            fail_if((credentials.effective & (1 << CapabilityBit.SYS_ADMIN)) == 0, Errno.EBUSY)
        driver = scratch(terminal.driver)
        try_(driver.open(terminal))
        mov(file.private, u64(terminal))
        mov(rax, terminal.hangups)
        mov(file.position, rax)
        ret(0)

    @function(context="thread")
    def open_first(
        self, file: Keep[Ptr[File]], job: Owned[Ptr[ControllingTerminal]]
    ) -> OrErrno[I32]:
        """Do what `open` does; the terminal becomes that of a session that has none, if its leader
        opens it for reading and without NO_TERMINAL."""
        try_(self.open(file, job))
        with if_(((file.flags & OpenFlag.NO_TERMINAL) == 0) & (file.access & Access.READ)):
            terminal = scratch(cast(file.private, Ptr[Terminal]))
            self.jobs.offer(address_of(terminal.job))
        ret(0)

    @function(context="thread")
    def release(self, file: Ptr[File]) -> None:
        """Undo `open`. No lock is taken that is held while memory of programs is touched."""
        terminal = keep(cast(file.private, Ptr[Terminal]))
        driver = scratch(terminal.driver)
        driver.close(terminal)
        job = scratch(address_of(terminal.job))
        take_over(job, "the file had it")
        tail(self.terminals.drop, job)

    # Waiting

    @function(context="thread", sleeps=True)
    def poll(self, file: Keep[Ptr[File]], watcher: OrNull[Ptr[Watcher]]) -> U32:
        """Return what is possible, as `PollFile` says."""
        terminal, events = keep(cast(file.private, Ptr[Terminal])), keep(U32)
        with if_(watcher != 0):
            self.queues.watch(address_of(terminal.queue), watcher)
        with if_(is_hung_up(file)):
            ret(HUNG_UP)
        xor(events, events)
        with if_(self.reading.is_ready(terminal)):
            or_(events, READABLE)
        with self.mutexes.held(terminal.lock):
            self.output.begin(terminal)
            with if_(terminal.room != 0):
                or_(events, WRITABLE)
        ret(events)
