"""Tasks like the one that runs."""

from __future__ import annotations

from kernel.process.cloneflag import CloneArguments, CloneFlag
from kernel.process.filestates import FileStates
from kernel.process.policies import Policies
from kernel.process.process import Process
from kernel.process.processes import Processes
from kernel.process.programframe import program_frame
from kernel.process.task import Task
from kernel.process.tasks import Tasks
from kernel.process.undolists import UndoLists
from kernel.sched.userstate import NAME_SIZE
from kernel.signals.restartablesequences import RestartableSequences
from kernel.signals.signalstates import SignalStates
from pykasm import *


class TaskCopies(Subsystem):
    """Copies the task that runs, as far as flags say. Context: thread."""

    def __init__(
        self,
        processes: Processes,
        tasks: Tasks,
        file_states: FileStates,
        undo_lists: UndoLists,
        policies: Policies,
        signals: SignalStates,
        sequences: RestartableSequences,
    ) -> None:
        self.processes = processes
        self.tasks = tasks
        self.file_states = file_states
        self.undo_lists = undo_lists
        self.policies = policies
        self.signals = signals
        self.sequences = sequences

    @function(context="thread", sleeps=True)
    def copy(
        self, process: Ptr[Process], number: U32, arguments: Keep[Ptr[CloneArguments]]
    ) -> OrNull[Owned[Ptr[Task]]]:
        """Make a task of `process` like the one that runs, but for its memory, which does not run
        yet. Return null without memory."""
        task = keep(try_(self.tasks.create(process, number)))
        errdefer(self.tasks.discard, task)
        current = keep(self.processes.current())
        flags = u32(arguments.flags)
        fail_if(~self.file_states.copy(task, current, flags))
        fail_if(~self.undo_lists.copy(task, u32(arguments.flags)))
        fail_if(self.tasks.copy_registers(task, current) != 0)
        self._set_up(task, arguments)
        self.policies.inherit(task, current)
        flags = scratch(u32(arguments.flags))
        and_(flags, CloneFlag.VM | CloneFlag.VFORK)
        xor(flags, CloneFlag.VM)  # a child that its maker waits for may go on with its stack
        self.signals.inherit(task, current, flags)
        with if_((arguments.flags & CloneFlag.VM) == 0):
            self.sequences.inherit(task, current)
        ret(task)

    @function
    def _set_up(self, task: Ptr[Task], arguments: Ptr[CloneArguments]) -> None:
        """Give `task`, a copy, what is its own."""
        flags = scratch(arguments.flags)
        self._inherit(task)
        mov(task.clear_child_tid, 0)
        frame = program_frame(scratch(task.thread))
        mov(frame.rax, 0)
        mov(rax, arguments.stack)
        with if_(rax != 0):
            add(rax, arguments.stack_size)
            mov(frame.rsp, rax)
        for flag, source, target in (
            (CloneFlag.SETTLS, arguments.tls, task.fs_base),
            (CloneFlag.CHILD_SETTID, arguments.child_tid, task.set_child_tid),
            (CloneFlag.CHILD_CLEARTID, arguments.child_tid, task.clear_child_tid),
        ):
            with if_((flags & flag) != 0):
                mov(rax, source)
                mov(target, rax)

    @inline(changes=rax)
    def _inherit(self, task: Ptr[Task]) -> None:
        """Give `task` what it keeps of the one that runs."""
        current = self.processes.current()
        mov(eax, current.no_new_privileges)
        mov(task.no_new_privileges, eax)
        mov(eax, current.personality)
        mov(task.personality, eax)
        mov(rax, current.timer_slack)
        mov(task.timer_slack, rax)
        mov(task.default_timer_slack, rax)
        for offset in range(0, NAME_SIZE, sizeof(U64)):
            mov(rax, u64[u64(current) + (offsetof(Task, "name") + offset)])
            mov(u64[u64(task) + (offsetof(Task, "name") + offset)], rax)
        release(current)
