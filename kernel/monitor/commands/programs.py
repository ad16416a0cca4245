"""Commands that run programs."""

from __future__ import annotations

from kernel.console.console import Console
from kernel.exec.programs import Programs
from kernel.monitor.command import Commands, command
from kernel.process.exits import Exits
from kernel.process.process import Process
from kernel.process.processes import Processes
from kernel.process.waits import SIGNAL_MASK, STATUS_SHIFT
from kernel.terminal.input import Input
from kernel.terminal.reader import Reader
from kernel.text.strings import MAX_WORDS, Words
from pykasm import *


class ProgramCommands(Commands):
    """`run`."""

    def __init__(
        self,
        console: Console,
        programs: Programs,
        processes: Processes,
        exits: Exits,
        input: Input,
    ) -> None:
        self.console = console
        self.programs = programs
        self.processes = processes
        self.exits = exits
        self.input = input
        self.commands = [
            command("run", "PATH [ARGUMENT [ARGUMENT]]", "run a program, and wait for it", self.run)
        ]

    @function(context="thread", sleeps=True)
    def run(self, words: Keep[Ptr[Words]]) -> Bool:
        """Run a program; print how it ended, or why it did not start."""
        count = scratch(words.count)
        with if_(count > MAX_WORDS):
            ret(0)
        dec(count)
        result, process = self.programs.start(words.word[1], address_of(words.word[1]), count)
        with if_(process == 0):
            self._complain(words.word[1], result)
            ret(1)
        ignore(result, "it has started")
        tail(self._wait, process, words.word[1])

    @function
    def _complain(self, name: Ptr[U8], result: OrErrno[I32]) -> None:
        """Say which error `result` is."""
        neg(result)
        self.console.print("%s: error %u\n", name, u32(result))

    @function(context="thread", sleeps=True)
    def _wait(self, process: Keep[Owned[Ptr[Process]]], name: Keep[Ptr[U8]]) -> Bool:
        """Wait for `process`, which gets what is typed, and print how it ended."""
        number = keep(process.number)
        self.input.put_in_front(Reader.PROGRAMS)
        status = keep(self.exits.wait(process))
        self.input.put_in_front(Reader.MONITOR)
        with if_(status & SIGNAL_MASK):
            and_(status, SIGNAL_MASK)
            self.console.print("%s[%u]: ended by signal %u\n", name, number, status)
            ret(1)
        shr(status, STATUS_SHIFT)
        self.console.print("%s[%u]: exit status %u\n", name, number, status)
        ret(1)
