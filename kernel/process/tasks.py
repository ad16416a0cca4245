"""Threads of programs: how they begin."""

from __future__ import annotations

from typing import NoReturn

from kernel.cpu.control import RFlags
from kernel.cpu.interruptflag import interrupts_disabled
from kernel.cpu.segments import Selector
from kernel.cpu.trapframe import TrapFrame
from kernel.mm.memoryshortage import MemoryShortage
from kernel.process.exits import Exits
from kernel.process.filestates import FileStates
from kernel.process.process import Process, ProcessState
from kernel.process.programframe import program_frame
from kernel.process.task import Task
from kernel.process.userreturn import UserReturn
from kernel.sched.runqueue import BOOT_PRIORITY
from kernel.sched.scheduler import Scheduler
from kernel.sched.segmentbases import SegmentBases
from kernel.sched.thread import Interruption
from kernel.sched.waiting import Waiting
from kernel.signals.signalstates import SignalStates
from kernel.structures.list import ListHead
from kernel.threads.areas import SaveAreas
from kernel.threads.threads import Threads
from kernel.vm.addressspace import AddressSpace
from kernel.vm.addressspaces import AddressSpaces
from kernel.vm.usercopy import UserCopy
from pykasm import *

PROGRAM_FLAGS = RFlags.ALWAYS | RFlags.IF
"""The flags that a program begins with."""


class Tasks(Subsystem):
    """Makes threads that run programs. They begin with their process's program at what is in their
    frame, in its memory."""

    def __init__(
        self,
        threads: Threads,
        areas: SaveAreas,
        bases: SegmentBases,
        scheduler: Scheduler,
        spaces: AddressSpaces,
        user_return: UserReturn,
        exits: Exits,
        waiting: Waiting,
        copy: UserCopy,
        file_states: FileStates,
        signals: SignalStates,
        shortage: MemoryShortage,
    ) -> None:
        self.threads = threads
        self.areas = areas
        self.bases = bases
        self.scheduler = scheduler
        self.spaces = spaces
        self.user_return = user_return
        self.exits = exits
        self.waiting = waiting
        self.copy = copy
        self.file_states = file_states
        self.signals = signals
        self.shortage = shortage

    @function(context="thread")
    def create(self, process: Keep[Ptr[Process]], number: U32) -> OrNull[Owned[Ptr[Task]]]:
        """Create a task of `process` with this number, which `start` lets run when it has
        registers, and what it needs of files. Returns null if memory is out."""
        number = keep(number)
        task = keep(try_(self.exits.records.allocate_zeroed()))
        errdefer(self.exits.records.free, task)
        mov(task.number, number)
        mov(task.process, process)
        mov(eax, process.number)
        mov(task.process_number, eax)
        thread = keep(
            try_(
                self.threads.make(
                    address_of(process.name), address_of(self.run), u64(task), BOOT_PRIORITY
                )
            )
        )
        errdefer(self.threads.discard, thread)
        mov(task.thread, thread)
        mov(thread.user, task)
        disown(thread, "the task has it")
        ret(task)

    @function
    def give_registers(self, task: Ptr[Task], rip: Keep[U64], rsp: Keep[U64]) -> OrErrno[I32]:
        """Give `task`, which has none, the registers that a program begins with at `rip`, with its
        stack at `rsp`. Returns 0 or -ENOMEM."""
        thread = keep(task.thread)
        try_(self.areas.give(thread))
        self._begin_at(program_frame(scratch(thread)), rip, rsp)
        ret(0)

    @function(context="thread")
    def copy_registers(self, task: Keep[Ptr[Task]], current: Keep[Ptr[Task]]) -> OrErrno[I32]:
        """Give `task`, which has none, all registers of `current`, the one that runs. Returns 0 or
        -ENOMEM."""
        try_(self.areas.copy(task.thread, current.thread))
        with interrupts_disabled():  # a switch in between would save them, too
            self.bases.save(current)
        copy_fields(task, current, "fs_base", "gs_base")
        for name in ("ds", "es", "fs", "gs"):
            mov(ax, getattr(current, name))
            mov(getattr(task, name), ax)
        mov(rsi, u64(program_frame(scratch(current.thread))))
        mov(rdi, u64(program_frame(scratch(task.thread))))
        mov(ecx, sizeof(TrapFrame) // sizeof(U64))
        rep.movsq()
        ret(0)

    @function(context="thread")
    def reset_registers(self, task: Keep[Ptr[Task]], rip: Keep[U64], rsp: Keep[U64]) -> None:
        """Give `task`, the one that runs, the registers that a program begins with at `rip`, with
        its stack at `rsp`."""
        self.areas.reset(task.thread)
        with interrupts_disabled():  # a switch would save the bases before they are loaded
            mov(task.fs_base, 0)
            mov(task.gs_base, 0)
            for name in ("ds", "es", "fs", "gs"):
                mov(getattr(task, name), 0)
            self.bases.forget()
            self.bases.load(task)
        frame = program_frame(scratch(task.thread))
        self._begin_at(frame, rip, rsp)

    @inline(changes=rax)
    def _begin_at(self, frame: Ptr[TrapFrame], rip: U64, rsp: U64) -> None:
        """Have `frame` begin a program: all registers are 0 but these, flags and segments."""
        self._clear(u64(frame), TrapFrame)
        mov(frame.cs, Selector.USER_CODE)
        mov(frame.ss, Selector.USER_DATA)
        mov(frame.rflags, PROGRAM_FLAGS)
        mov(frame.rip, rip)
        mov(frame.rsp, rsp)

    @inline(changes=rax)
    def _clear(self, record: U64, kind: type[Struct]) -> None:
        """Zero the `kind` at `record`."""
        xor(eax, eax)
        for offset in range(0, sizeof(kind), sizeof(U64)):
            mov(u64[record + offset], rax)

    @function(context="thread", sleeps=True)
    def _tell_child(self, task: Keep[Ptr[Task]]) -> None:
        """Store the number of `task` where it is wanted in its own memory, if that can be."""
        target = scratch(task.set_child_tid)
        with if_(target != 0):
            release(target)
            with loop():
                result, left = self.copy.copy_out(
                    cast(task.set_child_tid, User[U8]), address_of(task.number), sizeof(U32)
                )
                ignore(left)
                # As on Linux, nobody is told of an address that leads nowhere
                break_if(result == 0)
                break_if(~self.shortage.wait())

    @function(context="thread", sleeps=True)
    def discard(self, task: Keep[Owned[Ptr[Task]]]) -> None:
        """Free a task that never ran, with what it has of files."""
        thread = keep(task.thread)
        self.exits.undo_lists.end(task)
        self.file_states.end(task)
        self.file_states.end_identity(task)
        mov(thread.user, 0)
        self.areas.drop_unused(thread)
        take_over(thread, "the task had it")
        self.threads.discard(thread)
        self.exits.records.free(task)

    @function(context="thread")
    def start(self, task: Keep[Owned[Ptr[Task]]], space: Ptr[AddressSpace]) -> None:
        """Start `task` in `space`."""
        process, link = keep(task.process), keep(Ptr[ListHead])
        mov(task.space, space)
        self.spaces.admit(space, task.thread)
        # Before anybody finds it: a thread that is found may be told to look at its memory
        lea(link, task.sibling)
        self.signals.join(task, address_of(process.signals))
        disown(task, "it frees itself")
        with process.lock.held():
            process.tasks.append(link)
            # Its other threads were told before
            with if_((process.state != ProcessState.ALIVE) | (process.replacing != 0)):
                self.waiting.interrupt(task.thread, Interruption.KILL)
        tail(self.scheduler.start, scratch(task.thread))

    @function(context="thread", sleeps=True)
    def run(self, argument: Keep[U64]) -> NoReturn:
        """Begin the program of a new thread."""
        self._tell_child(cast(argument, Ptr[Task]))
        tail(self.user_return.enter)
        never()
