"""What is told of processes, in short."""

from __future__ import annotations

from enum import IntEnum
from typing import Any

from kernel.cpu.pagetable import PageShift
from kernel.process.process import Process, ProcessState
from kernel.process.session import Session
from kernel.process.task import Task
from kernel.sched.thread import Interruption, Thread, ThreadState
from kernel.sched.userstate import NAME_SIZE
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


class ProcessSummary(Struct):
    """A copy of what there is to tell."""

    number: U32
    parent: U32
    group: U32
    session: U32
    threads: U32
    user: U32
    terminal: U32
    """The device number of the controlling terminal, as programs see it; 0 for none."""
    foreground: I32
    """The number of the group that it listens to; -1 for none."""
    memory: U64
    """Bytes of it that are in memory."""
    state: U64 = field(ShownState)
    name: Array[U8] = field(count=NAME_SIZE)


class ProcessSummaries(Subsystem):
    """Describes processes, for people and for programs."""

    @function(context="interrupts off", holds="Processes.lock")
    def describe(self, row: Keep[Ptr[ProcessSummary]], process: Keep[Ptr[Process]]) -> None:
        """Describe `process` in `row`."""
        mov(eax, process.number)
        mov(row.number, eax)
        session = self.copy_relations(row, process)
        mov(row.terminal, 0)
        mov(row.foreground, -1)
        terminal = scratch(session.terminal)
        with if_(terminal != 0):
            mov(eax, terminal.device)
            mov(row.terminal, eax)
            mov(eax, terminal.foreground)
            mov(row.foreground, i32(eax))
        mov(eax, process.user)
        mov(row.user, eax)
        for offset in range(0, NAME_SIZE, sizeof(U64)):
            mov(rax, u64[u64(process) + (offsetof(Process, "name") + offset)])
            mov(u64[u64(row) + (offsetof(ProcessSummary, "name") + offset)], rax)
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

    @inline(changes=rax)
    def copy_relations(self, row: Any, process: Ptr[Process]) -> Ptr[Session]:
        """Fill in `row`, a record with such fields, with whose child `process` is, and in which
        group and session. Returns the session, in a scratch register. Context: under
        `Processes.lock`."""
        mov(eax, process.parent_number)
        mov(row.parent, eax)
        group = scratch(process.group)
        mov(eax, u32(group.node.key))
        mov(row.group, eax)
        session = scratch(group.session)
        release(group)
        mov(eax, session.number)
        mov(row.session, eax)
        return session

    @function(context="interrupts off", holds="process.lock")
    def _look_at_threads(self, row: Ptr[ProcessSummary], process: Ptr[Process]) -> None:
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
            self.note_doing(doing, thread)
            with if_(doing > u64(row.state)):
                mov(u64(row.state), doing)
            release(thread)

    @inline(changes="doing")
    def note_doing(self, doing: U64, thread: Ptr[Thread]) -> None:
        """Put into `doing` what `thread` does."""
        mov(doing, ShownState.RUNNING)
        with if_(thread.state == ThreadState.BLOCKED):
            mov(doing, ShownState.SLEEPING)
            with if_((thread.wait_mode & Interruption.SIGNAL) == 0):
                mov(doing, ShownState.WAITING)
