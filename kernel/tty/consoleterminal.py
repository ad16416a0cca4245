"""The terminal that programs begin at: the kernel's console."""

from __future__ import annotations

from typing import NoReturn

from kernel.console.console import Console
from kernel.debug.panic import Panic
from kernel.errno import Errno
from kernel.fs.characterdevices import CharacterDriver, device
from kernel.fs.file import File, FileOperations
from kernel.fs.inode import Inode
from kernel.process.jobcontrol import JobControl
from kernel.process.session import ControllingTerminal
from kernel.sched.runqueue import BOOT_PRIORITY
from kernel.sched.waiting import FOREVER
from kernel.structures.refcount import ReferenceCount
from kernel.sync.mutex import Mutexes
from kernel.sync.pollqueues import PollQueues
from kernel.terminal.input import Input
from kernel.terminal.reader import Reader
from kernel.threads.threads import Threads
from kernel.tty.lineinput import LineInput
from kernel.tty.terminal import OUTPUT_SIZE, Terminal, TerminalDriver
from kernel.tty.terminalfiles import TerminalFiles
from kernel.tty.terminaltyping import TerminalTyping
from kernel.tty.termios import first_termios
from pykasm import *

MAJOR_SHIFT = 8
"""Where a device number as programs see it has the driver's (makedev(3))."""

MAJOR = 5
OWN, CONSOLE = 0, 1
"""Their numbers."""

UNINTERRUPTED = 0
"""No interruption ends a wait of the kernel's own thread."""


class ConsoleTerminal(CharacterDriver):
    """The console as a terminal, `/dev/console` (console(4)). Its output goes to the serial line
    and the screen; a thread of its own hands it what is typed while programs are in front. Context:
    thread."""

    def __init__(
        self,
        console: Console,
        keys: Input,
        typing: TerminalTyping,
        input: LineInput,
        files: TerminalFiles,
        jobs: JobControl,
        queues: PollQueues,
        mutexes: Mutexes,
        threads: Threads,
        panic: Panic,
    ) -> None:
        self.console = console
        self.keys = keys
        self.typing = typing
        self.input = input
        self.files = files
        self.jobs = jobs
        self.queues = queues
        self.mutexes = mutexes
        self.threads = threads
        self.panic = panic
        self.driver = rodata(
            TerminalDriver,
            TerminalDriver(
                room=self._room,
                send=self._send,
                open=self._open,
                close=self._close,
                free=self._free,
            ),
        )
        self.terminal = data(
            Terminal,
            Terminal(
                driver=address_of(self.driver),
                modes=first_termios(),
                job=ControllingTerminal(
                    references=ReferenceCount(count=1), device=MAJOR << MAJOR_SHIFT | CONSOLE
                ),
            ),
        )
        self.operations = rodata(FileOperations, files.table(self.open))
        self.own_operations = rodata(FileOperations, files.table(self.open_own))
        self.devices = [
            device(MAJOR, CONSOLE, address_of(self.operations), "console", 0o600),
            device(MAJOR, OWN, address_of(self.own_operations), "tty"),
        ]

    @function(context="thread", sleeps=True)
    def start(self) -> None:
        """Start the thread. Context: the thread that starts the kernel."""
        with self.mutexes.held(self.terminal.lock):
            self.input.find_specials(address_of(self.terminal))
        lea(rax, self.terminal.job)
        mov(self.jobs.console, rax)
        thread = self.threads.create(text("console"), address_of(self.run), 0, BOOT_PRIORITY)
        with if_(thread == 0):
            self.panic.stop(text("no memory is left for the thread of the console"))
        self.threads.detach(thread)

    @function(context="thread", sleeps=True)
    def run(self, argument: U64) -> NoReturn:
        """Hand on what is typed, for ever."""
        byte = local(U8)
        with loop():
            mov(byte, self.keys.read(Reader.PROGRAMS))
            self._type(address_of(byte))
        never()

    @function(context="thread", sleeps=True)
    def _type(self, byte: Keep[Ptr[U8]]) -> None:
        """Hand a byte on, once there is room for it."""
        noted, terminal = keep(U64), keep(address_of(self.terminal))
        with loop():
            mov(noted, self.queues.note(terminal.typist))
            taken = self.typing.type(terminal, byte, 1)
            break_if(taken != 0)
            waited = self.queues.wait(address_of(terminal.typist), noted, FOREVER, UNINTERRUPTED)
            ignore(waited, "there may be room now, whatever ended it")

    @function(context="thread")
    def open(self, inode: Ptr[Inode], file: Ptr[File]) -> OrErrno[I32]:
        """Make `file` one of this terminal's, which no session gets by that."""
        job, file = scratch(Ptr[ControllingTerminal]), scratch(file)
        lea(job, self.terminal.job)
        job.references.gain()
        tail(self.files.open, file, job)

    @function(context="thread")
    def open_own(self, inode: Ptr[Inode], file: Keep[Ptr[File]]) -> OrErrno[I32]:
        """Make `file` one of the terminal that controls the session of the process (tty(4)).
        Returns 0, or -ENXIO if none does."""
        job = try_(self.jobs.gain_current(), Errno.ENXIO)
        tail(self.files.open, file, job)

    # The driver

    @function
    def _open(self, terminal: Ptr[Terminal]) -> OrErrno[I32]:
        """There can be any number of open files."""
        ret(0)

    @function
    def _close(self, terminal: Ptr[Terminal]) -> None:
        """Nobody asks how many there are."""

    @function
    def _free(self, terminal: Owned[Ptr[Terminal]]) -> None:
        """It is there for good."""
        disown(terminal, "it is no memory that was allocated")

    @function
    def _room(self, terminal: Ptr[Terminal]) -> U32:
        """There is room for any number, as `OutputRoom` says: who sends waits."""
        ret(OUTPUT_SIZE)

    @function(context="thread", sleeps=True)
    def _send(self, terminal: Ptr[Terminal], bytes: Ptr[U8], length: U32) -> None:
        """Show bytes, as `SendOutput` says."""
        tail(self.console.write, bytes, length)
