"""Threads of programs: how they begin."""

from __future__ import annotations

from typing import NoReturn

from kernel.cpu.control import RFlags
from kernel.cpu.interruptflag import interrupts_disabled
from kernel.cpu.segments import Selector
from kernel.cpu.trapframe import TrapFrame
from kernel.process.exits import Exits
from kernel.process.filestates import FileStates
from kernel.process.process import Process
from kernel.process.task import Task
from kernel.process.userreturn import UserReturn
from kernel.sched.scheduler import Scheduler
from kernel.sched.segmentbases import SegmentBases
from kernel.sched.thread import Thread
from kernel.sched.userstate import UserState
from kernel.sched.xstate import ExtendedState
from kernel.structures.list import ListHead
from kernel.threads.areas import SaveAreas
from kernel.threads.threads import BOOT_PRIORITY, Threads
from kernel.vm.addressspaces import AddressSpaces
from pykasm import *

PROGRAM_FLAGS = RFlags.ALWAYS | RFlags.IF
"""The flags that a program begins with."""


@inline(changes="thread")
def program_frame(thread: Ptr[Thread]) -> Ptr[TrapFrame]:
    """Turn `thread`, a register, into the address of the registers of its program."""
    sub(u64(thread), sizeof(TrapFrame))
    return cast(thread, Ptr[TrapFrame])


class Tasks(Subsystem):
    """Makes threads that run programs. They begin with their process's program at what is in their
    frame, in its memory."""

    def __init__(
        self,
        threads: Threads,
        areas: SaveAreas,
        extended: ExtendedState,
        bases: SegmentBases,
        scheduler: Scheduler,
        spaces: AddressSpaces,
        user_return: UserReturn,
        exits: Exits,
        file_states: FileStates,
    ) -> None:
        self.threads = threads
        self.areas = areas
        self.extended = extended
        self.bases = bases
        self.scheduler = scheduler
        self.spaces = spaces
        self.user_return = user_return
        self.exits = exits
        self.file_states = file_states

    @function(context="thread")
    def create(self, process: Keep[Ptr[Process]], number: U32) -> OrNull[Owned[Ptr[Task]]]:
        """Create a task of `process` with this number, which `start` lets run. All registers of
        its program are 0. Returns null if memory is out."""
        number = keep(number)
        task = keep(try_(self.exits.records.allocate()))
        errdefer(self.exits.records.free, task)
        self._clear(u64(task), Task)
        mov(task.number, number)
        mov(task.process, process)
        thread = keep(
            try_(
                self.threads.make(
                    address_of(process.name), address_of(self.run), u64(task), BOOT_PRIORITY
                )
            )
        )
        errdefer(self.threads.discard, thread)
        fail_if(~self.file_states.begin(task))
        errdefer(self.file_states.end, task)
        fail_if(self.areas.give(thread) != 0)
        mov(task.thread, thread)
        mov(thread.user, task)
        disown(thread, "the task has it")
        frame = program_frame(scratch(thread))
        self._clear(u64(frame), TrapFrame)
        mov(frame.cs, Selector.USER_CODE)
        mov(frame.ss, Selector.USER_DATA)
        mov(frame.rflags, PROGRAM_FLAGS)
        ret(task)

    @inline(changes=rax)
    def _clear(self, record: U64, kind: type[Struct]) -> None:
        """Zero the `kind` at `record`."""
        xor(eax, eax)
        for offset in range(0, sizeof(kind), sizeof(U64)):
            mov(u64[record + offset], rax)

    @function(context="thread")
    def start(self, task: Keep[Owned[Ptr[Task]]]) -> None:
        """Start `task`."""
        process, link = keep(task.process), keep(Ptr[ListHead])
        self.spaces.admit(process.space, task.thread)
        lea(link, task.sibling)
        disown(task, "it frees itself")
        with process.lock.held():
            process.tasks.append(link)
        tail(self.scheduler.start, scratch(task.thread))

    @function(context="thread", sleeps=True)
    def run(self, argument: Keep[U64]) -> NoReturn:
        """Begin the program of a new thread."""
        with interrupts_disabled():  # the switch to a thread restores these only where it left
            self.extended.restore(self.scheduler.current)
            self.bases.load(cast(argument, Ptr[UserState]))
        tail(self.user_return.enter)
        never()
