"""Commands that run programs."""

from __future__ import annotations

from kernel.console.console import Console
from kernel.exec.programs import Programs
from kernel.exec.programwatch import ProgramWatch
from kernel.monitor.command import Commands, command
from kernel.process.jobcontrol import JobControl
from kernel.terminal.input import Input
from kernel.terminal.reader import Reader
from kernel.text.strings import MAX_WORDS, Words
from pykasm import *


class ProgramCommands(Commands):
    """`run`, `resume`."""

    def __init__(
        self,
        console: Console,
        programs: Programs,
        watch: ProgramWatch,
        jobs: JobControl,
        input: Input,
    ) -> None:
        self.console = console
        self.programs = programs
        self.watch = watch
        self.jobs = jobs
        self.input = input
        self.commands = [
            command("run", "PATH [ARGUMENT [ARGUMENT]]", "run a program", self.run),
            command("resume", "", "go back to programs, after a break", self.resume),
        ]

    @function(context="thread", sleeps=True)
    def run(self, words: Keep[Ptr[Words]]) -> Bool:
        """Run a program, which is watched; print why it did not start."""
        count = scratch(words.count)
        with if_(count > MAX_WORDS):
            ret(False)
        dec(count)
        result, process = self.programs.start(
            words.word[1], address_of(words.word[1]), count, self.jobs.console
        )
        with if_(process == 0):
            self._complain(words.word[1], result)
            ret(True)
        ignore(result, "it has started")
        self.watch.begin(process)
        ret(True)

    @function
    def _complain(self, name: Ptr[U8], result: OrErrno[I32]) -> None:
        """Say which error `result` is."""
        neg(result)
        self.console.print("%s: error %u\n", name, u32(result))

    @function
    def resume(self, words: Ptr[Words]) -> Bool:
        """Give programs what is typed again."""
        self.input.put_in_front(Reader.PROGRAMS)
        ret(True)
