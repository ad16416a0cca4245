"""Programs that the kernel has started for people."""

from __future__ import annotations

from kernel.console.console import Console
from kernel.process.exits import Exits
from kernel.process.process import Process
from kernel.process.processes import Processes
from kernel.process.waits import SIGNAL_MASK, STATUS_SHIFT
from kernel.sched.runqueue import BOOT_PRIORITY
from kernel.terminal.input import Input
from kernel.terminal.reader import Reader
from kernel.threads.threads import Threads
from pykasm import *


class ProgramWatch(Subsystem):
    """Gives programs what is typed until they have ended, and tells how they did. Each has a thread
    for that, so that the monitor can be asked for meanwhile. Context: thread."""

    def __init__(
        self,
        console: Console,
        threads: Threads,
        processes: Processes,
        exits: Exits,
        input: Input,
    ) -> None:
        self.console = console
        self.threads = threads
        self.processes = processes
        self.exits = exits
        self.input = input

    @function(context="thread", sleeps=True)
    def begin(self, process: Keep[Owned[Ptr[Process]]]) -> None:
        """Watch `process`, which `Programs.start` has given. Without memory for a thread, wait for
        its end here."""
        self.input.put_in_front(Reader.PROGRAMS)
        thread = self.threads.create(
            text("program watch"), address_of(self.run), u64(process), BOOT_PRIORITY
        )
        with if_(thread == 0):
            tail(self._watch, process)
        disown(process, "the thread drops it")
        self.threads.detach(thread)

    @function(context="thread", sleeps=True)
    def run(self, argument: U64) -> None:
        """Watch the process `argument`, as the thread that `begin` makes."""
        process = scratch(cast(argument, Ptr[Process]))
        take_over(process, "`begin` has left it to the thread")
        tail(self._watch, process)

    @function(context="thread", sleeps=True)
    def _watch(self, process: Keep[Owned[Ptr[Process]]]) -> None:
        """Wait for the end of `process`, tell of it, and bring the monitor in front."""
        process.references.gain()
        status = keep(self.exits.wait(process))
        self._tell(process, status)
        self.processes.drop(process)
        tail(self.input.put_in_front, Reader.MONITOR)

    @function
    def _tell(self, process: Keep[Ptr[Process]], status: Keep[U32]) -> None:
        """Print how `process` has ended."""
        with if_(process == self.processes.init):
            self.console.print("init ended: ")
        with else_():
            name = scratch(Ptr[U8])
            lea(name, process.name)
            self.console.print("%s[%u]: ", name, process.number)
        with if_(status & SIGNAL_MASK):
            and_(status, SIGNAL_MASK)
            self.console.print("signal %u\n", status)
            ret()
        shr(status, STATUS_SHIFT)
        self.console.print("exit status %u\n", status)
