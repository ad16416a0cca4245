"""Commands about processes."""

from __future__ import annotations

from enum import IntEnum

from kernel.console.console import Console
from kernel.cpu.pagetable import PageShift
from kernel.monitor.command import Commands, command
from kernel.process.process import Process, ProcessState
from kernel.process.processes import Processes
from kernel.process.task import Task
from kernel.sched.thread import Interruption, ThreadState
from kernel.sched.userstate import NAME_SIZE
from kernel.signals.signalinfo import SignalInfo
from kernel.signals.signalnames import SignalNames
from kernel.signals.signalnumber import Signal, SignalCode
from kernel.signals.signals import Signals
from kernel.text.numbers import Numbers
from kernel.text.strings import Words
from kernel.vm.addressspace import AddressSpace
from pykasm import *


class ShownState(IntEnum):
    """What `ps` tells that a process does; the largest of what its threads do."""

    SLEEPING = 0
    WAITING = 1
    """For what no signal ends."""
    RUNNING = 2
    STOPPED = 3
    ENDING = 4
    ZOMBIE = 5


STATES = {
    ShownState.SLEEPING: "sleeping",
    ShownState.WAITING: "waiting",
    ShownState.RUNNING: "running",
    ShownState.STOPPED: "stopped",
    ShownState.ENDING: "ending",
    ShownState.ZOMBIE: "zombie",
}


class ProcessRow(Struct):
    """A copy of what is shown of a process."""

    number: U32
    parent: U32
    group: U32
    session: U32
    threads: U32
    user: U32
    memory: U64
    """Bytes of it that are in memory."""
    state: U64 = field(ShownState)
    name: Array[U8] = field(count=NAME_SIZE)


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
    ) -> None:
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
        next, row = keep(U32), local(ProcessRow)
        self.console.print(
            "  pid  parent  group  session  user  threads  memory     state     name\n"
        )
        xor(next, next)
        with loop():
            break_if(~self._copy(next, address_of(row)))
            self._show(row)
            mov(next, row.number)
            inc(next)
        ret(1)

    @inline(changes=CALLER_SAVED)
    def _show(self, row: ProcessRow) -> None:
        """Print a row."""
        mov(rax, row.state)
        name = scratch(address_of(row.name))
        self.console.print(
            "%5u  %6u  %5u  %7u  %4u  %7u  %-9z  %-8s  %s\n",
            *(row.number, row.parent, row.group, row.session, row.user, row.threads),
            *(row.memory, self.states[rax], name),
        )

    @function(context="thread")
    def _copy(self, least: Keep[U32], row: Keep[Ptr[ProcessRow]]) -> Bool:
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
            self._fill(row, process)
            inc(found)
            break_()
        ret(found)

    @function(context="interrupts off", holds="Processes.lock")
    def _fill(self, row: Keep[Ptr[ProcessRow]], process: Keep[Ptr[Process]]) -> None:
        """Copy what is shown of `process` to `row`."""
        mov(eax, process.number)
        mov(row.number, eax)
        mov(eax, process.parent_number)
        mov(row.parent, eax)
        group = scratch(process.group)
        mov(eax, u32(group.node.key))
        mov(row.group, eax)
        session = scratch(group.session)
        mov(eax, session.number)
        mov(row.session, eax)
        mov(eax, process.user)
        mov(row.user, eax)
        for offset in range(0, NAME_SIZE, sizeof(U64)):
            mov(rax, u64[u64(process) + (offsetof(Process, "name") + offset)])
            mov(u64[u64(row) + (offsetof(ProcessRow, "name") + offset)], rax)
        mov(row.threads, 0)
        mov(row.memory, 0)
        mov(row.state, ShownState.SLEEPING)
        with process.lock.held():
            self._look_at_threads(row, process)
        with if_(process.signals.stop_signal != 0):
            mov(row.state, ShownState.STOPPED)
        with if_(process.state == ProcessState.EXITING):
            mov(row.state, ShownState.ENDING)
        with if_(process.state == ProcessState.ZOMBIE):
            mov(row.state, ShownState.ZOMBIE)

    @function(context="interrupts off", holds="process.lock")
    def _look_at_threads(self, row: Ptr[ProcessRow], process: Ptr[Process]) -> None:
        """Count the threads of `process`, and note what they do, and their memory."""
        row, doing = scratch(row), scratch(U64)
        with process.tasks.each(Task, "sibling", place=scratch) as task:
            inc(row.threads)
            thread = scratch(task.thread)
            mov(rcx, thread.space)
            with if_(rcx != 0):  # it may just be given back: then the number means nothing
                mov(rax, cast(rcx, Ptr[AddressSpace]).resident)
                shl(rax, PageShift.PAGE)
                mov(row.memory, rax)
            mov(doing, ShownState.RUNNING)
            with if_(thread.state == ThreadState.BLOCKED):
                mov(doing, ShownState.SLEEPING)
                with if_((thread.wait_mode & Interruption.SIGNAL) == 0):
                    mov(doing, ShownState.WAITING)
            with if_(doing > u64(row.state)):
                mov(u64(row.state), doing)
            release(thread)

    # Signals

    @function(context="thread")
    def kill(self, words: Keep[Ptr[Words]]) -> Bool:
        """Send a process a signal, by its name or number."""
        number, signal = keep(U32), keep(U32)
        value, good = self.numbers.parse(words.word[1])
        mov(number, u32(value))
        with if_(~good | (u64(number) != value)):
            ret(0)
        mov(signal, Signal.SIGTERM)
        with if_(words.count > 2):
            mov(signal, self.names.parse(words.word[2]))
            with if_(signal == 0):
                self.console.print("no signal is called %s\n", words.word[2])
                ret(1)
        with if_(~self._send(number, signal)):
            self.console.print("no process %u (`ps` shows them)\n", number)
        ret(1)

    @function(context="thread")
    def _send(self, number: U32, signal: Keep[U32]) -> Bool:
        """Send the process `number` a signal of the kernel's. Return whether there is such a
        process."""
        info = local(SignalInfo)
        process = keep(self.processes.find(number))
        with if_(process == 0):
            ret(0)
        info.clear()
        mov(info.number, signal)
        mov(info.code, SignalCode.SI_KERNEL)
        group = address_of(process.signals)
        ignore(self.signals.send(group, address_of(info)), "it may have too many already")
        self.processes.drop(process)
        ret(1)
