"""The monitor: reads commands and runs them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

from kernel.clock.boottimer import BootTimer
from kernel.console.console import Console
from kernel.monitor.command import Command, Commands, command
from kernel.monitor.line import LineEditor
from kernel.monitor.prompt import PROMPT
from kernel.terminal.input import Input
from kernel.terminal.reader import Reader
from kernel.text.strings import Strings, Words
from pykasm import *


class Monitor(Subsystem):
    """Read commands from the console, one line each, and run them. Context: a thread of its own.

    `families` have the commands; `help` is the monitor's own. Each line is answered by the
    command's output, or by one line that tells what is wrong with it.
    """

    def __init__(
        self,
        console: Console,
        editor: LineEditor,
        input: Input,
        strings: Strings,
        boot_timer: BootTimer,
        families: Sequence[Commands],
    ) -> None:
        self.console = console
        self.editor = editor
        self.input = input
        self.strings = strings
        self.boot_timer = boot_timer
        rows = [row for family in families for row in family.commands]
        table = [command("help", "", "this list", self.help), *rows]
        self.count = len(table)
        self.commands = rodata(Command * self.count, table)

    @function
    def run(self) -> NoReturn:
        """Read and run commands for ever, whenever the monitor is in front."""
        self.boot_timer.stop()  # the kernel is ready
        with loop():
            self.input.await_front(Reader.MONITOR)
            self.console.print(PROMPT)
            line = self.editor.read()
            self.execute(line)
        never()

    @function
    def execute(self, line: Ptr[U8]) -> None:
        """Run the command on `line`, which is split into words in place."""
        words = local(Words)
        first = keep(Ptr[U8])
        self.strings.split(line, address_of(words))
        with if_(words.count == 0):
            ret()
        mov(first, words.word[0])
        chosen = keep(self.find(first))
        with if_(chosen == 0):
            self.console.print("unknown command: %s (`help` lists them)\n", first)
            ret()
        with if_(~self._try_to_run(chosen, address_of(words))):
            self.console.print("usage: %s\n", chosen.usage)

    @function
    def find(self, name: Keep[Ptr[U8]]) -> OrNull[Ptr[Command]]:
        """Return the command called `name`, or null."""
        candidate, left = keep(Ptr[Command]), keep(U32)
        lea(candidate, self.commands)
        with for_(left, 0, self.count):
            with if_(self.strings.equal(candidate.name, name)):
                ret(candidate)
            add(candidate, sizeof(Command))
        ret(0)

    @function
    def _try_to_run(self, chosen: Ptr[Command], words: Ptr[Words]) -> Bool:
        """Run the command if the number of its words is right; 1 if it could use them."""
        movzx(eax, chosen.least)
        movzx(ecx, chosen.most)
        with if_((words.count < rax) | (words.count > rcx)):
            ret(False)
        done = chosen.run(words)
        ret(done)

    @function
    def help(self, words: Ptr[Words]) -> Bool:
        """List the commands."""
        candidate, left = keep(Ptr[Command]), keep(U32)
        lea(candidate, self.commands)
        with for_(left, 0, self.count):
            self.console.print("%-22s %s\n", candidate.usage, candidate.purpose)
            add(candidate, sizeof(Command))
        ret(True)
