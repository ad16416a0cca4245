"""Commands about processes."""

from __future__ import annotations

from kernel.console.console import Console
from kernel.monitor.command import Commands, command
from kernel.process.processes import Processes
from kernel.process.processsummaries import ProcessSummaries, ProcessSummary, ShownState
from kernel.signals.signalinfo import SignalInfo
from kernel.signals.signalnames import SignalNames
from kernel.signals.signalnumber import Signal, SignalCode
from kernel.signals.signals import Signals
from kernel.text.numbers import Numbers
from kernel.text.strings import Words
from pykasm import *

STATES = {
    ShownState.SLEEPING: "sleeping",
    ShownState.WAITING: "waiting",
    ShownState.RUNNING: "running",
    ShownState.STOPPED: "stopped",
    ShownState.ENDING: "ending",
    ShownState.ZOMBIE: "zombie",
}


class ProcessCommands(Commands):
    """`ps`, `kill`."""

    states = rodata(Ptr[U8] * len(STATES), [STATES[one] for one in ShownState])

    def __init__(
        self,
        console: Console,
        processes: Processes,
        signals: Signals,
        names: SignalNames,
        numbers: Numbers,
        summaries: ProcessSummaries,
    ) -> None:
        self.summaries = summaries
        self.console = console
        self.processes = processes
        self.signals = signals
        self.names = names
        self.numbers = numbers
        self.commands = [
            command("ps", "", "all processes, and what they do", self.list),
            command("kill", "PID [SIGNAL]", "send a process a signal, or SIGTERM", self.kill),
        ]

    # Showing them

    @function(context="thread")
    def list(self, words: Ptr[Words]) -> Bool:
        """List the processes in the order of their numbers."""
        next, row = keep(U32), local(ProcessSummary)
        self.console.print(
            "  pid  parent  group  session  user  threads  memory     state     name\n"
        )
        xor(next, next)
        with loop():
            break_if(~self._copy(next, address_of(row)))
            self._show(row)
            mov(next, row.number)
            inc(next)
        ret(True)

    @inline(changes=CALLER_SAVED)
    def _show(self, row: ProcessSummary) -> None:
        """Print a row."""
        mov(rax, row.state)
        name = scratch(address_of(row.name))
        self.console.print(
            "%5u  %6u  %5u  %7u  %4u  %7u  %-9z  %-8s  %s\n",
            *(row.number, row.parent, row.group, row.session, row.user, row.threads),
            *(row.memory, self.states[rax], name),
        )

    @function(context="thread")
    def _copy(self, least: Keep[U32], row: Keep[Ptr[ProcessSummary]]) -> Bool:
        """Fill `row` with the first process whose number is `least` or larger. Return whether there
        is one."""
        # Printing takes long, so each row is copied with the locks held, and printed without.
        found = keep(Bool)
        xor(found, found)
        with (
            self.processes.lock.held(),
            self.processes.each() as process,
            if_(process.number >= least),
        ):
            self.summaries.describe(row, process)
            inc(found)
            break_()
        ret(found)

    # Signals

    @function(context="thread")
    def kill(self, words: Keep[Ptr[Words]]) -> Bool:
        """Send a process a signal, by its name or number."""
        number, signal = keep(U32), keep(U32)
        value, good = self.numbers.parse(words.word[1])
        mov(number, u32(value))
        with if_(~good | (u64(number) != value)):
            ret(False)
        mov(signal, Signal.SIGTERM)
        with if_(words.count > 2):
            mov(signal, self.names.parse(words.word[2]))
            with if_(signal == 0):
                self.console.print("no signal is called %s\n", words.word[2])
                ret(True)
        with if_(~self._send(number, signal)):
            self.console.print("no process %u (`ps` shows them)\n", number)
        ret(True)

    @function(context="thread")
    def _send(self, number: U32, signal: Keep[U32]) -> Bool:
        """Send the process `number` a signal of the kernel's. Return whether there is such a
        process."""
        info = local(SignalInfo)
        process = keep(self.processes.find(number))
        with if_(process == 0):
            ret(False)
        info.clear()
        mov(info.number, signal)
        mov(info.code, SignalCode.SI_KERNEL)
        group = address_of(process.signals)
        ignore(self.signals.send(group, address_of(info)), "it may have too many already")
        self.processes.drop(process)
        ret(True)
