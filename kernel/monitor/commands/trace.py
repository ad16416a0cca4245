"""The command that traces programs."""

from __future__ import annotations

from kernel.console.console import Console
from kernel.entry.systemcalltrace import EVERYBODY, NOBODY
from kernel.entry.tracedentry import TracedEntry
from kernel.monitor.command import Commands, command
from kernel.process.processes import Processes
from kernel.text.numbers import Numbers
from kernel.text.strings import Strings, Words
from pykasm import *


class TraceCommands(Commands):
    """`trace`."""

    def __init__(
        self,
        console: Console,
        entry: TracedEntry,
        processes: Processes,
        strings: Strings,
        numbers: Numbers,
    ) -> None:
        self.console = console
        self.entry = entry
        self.processes = processes
        self.strings = strings
        self.numbers = numbers
        self.commands = [
            command("trace", "PID|all|off", "print the system calls of programs", self.trace)
        ]

    @function(context="thread", sleeps=True)
    def trace(self, words: Ptr[Words]) -> Bool:
        """Begin or end the trace of a process, or of all."""
        word = keep(words.word[1])
        with if_(self.strings.equal(word, text("off"))):
            self.entry.set_traced(NOBODY)
            ret(True)
        with if_(self.strings.equal(word, text("all"))):
            self.entry.set_traced(EVERYBODY)
            ret(True)
        number = keep(U32)
        value, good = self.numbers.parse(word)
        mov(number, u32(value))
        with if_(~good | (u64(number) != value)):
            ret(False)
        process = self.processes.find(number)
        with if_(process == 0):
            self.console.print("no process %u (`ps` shows them)\n", number)
            ret(True)
        self.processes.drop(process)
        self.entry.set_traced(number)
        ret(True)
