"""What is told of threads, in short."""

from __future__ import annotations

from kernel.fs.credentials import Credentials
from kernel.proc.procentry import ProcNode
from kernel.process.process import Process
from kernel.process.processsummaries import ProcessSummaries, ShownState
from kernel.process.task import Task
from kernel.process.tasksearch import TaskSearch
from kernel.sched.userstate import NAME_SIZE
from kernel.signals.signalactions import Disposition, SignalAction
from pykasm import *


class ThreadSummary(Struct):
    """A copy of what there is to tell; all 0 but the name and the state if the thread has ended."""

    state: U64 = field(ShownState)
    name: Array[U8] = field(count=NAME_SIZE)
    nice: I32
    policy: U32
    real_time_priority: U32
    no_new_privileges: U32
    pending: U64
    shared_pending: U64
    """Of its process."""
    mask: U64
    ignored: U64
    caught: U64
    waits: U64
    preemptions: U64
    credentials: Credentials
    """Its references mean nothing."""


class ThreadSummaries(Subsystem):
    """Describes threads. Context: thread."""

    def __init__(self, search: TaskSearch, summaries: ProcessSummaries) -> None:
        self.search = search
        self.summaries = summaries

    @function(context="thread")
    def describe(self, node: Keep[Ptr[ProcNode]], thread: Keep[Ptr[ThreadSummary]]) -> None:
        """Fill in `thread` for the one of `node`."""
        process = keep(node.process)
        asserts(process != 0)  # it is in the directory of one
        zero(thread)
        with process.lock.held():
            task = self.search.find(process, node.thread)
            with if_(task != 0):
                self._copy(task, thread)
            with else_():
                self._copy_name(thread, process, offsetof(Process, "name"))
                mov(thread.state, ShownState.ZOMBIE)

    @inline(changes=rax)
    def _copy_name(self, thread: Ptr[ThreadSummary], owner: object, place: int) -> None:
        """Copy the name that `owner` has at `place`."""
        for offset in range(0, NAME_SIZE, sizeof(U64)):
            mov(rax, u64[u64(owner) + (place + offset)])
            mov(u64[u64(thread) + (offsetof(ThreadSummary, "name") + offset)], rax)

    @function(context="interrupts off", holds="Process.lock")
    def _copy(self, task: Ptr[Task], thread: Ptr[ThreadSummary]) -> None:
        """Fill in `thread` with what `task` has."""
        task, thread = scratch(task), scratch(thread)
        self._copy_name(thread, task, offsetof(Task, "name"))
        copy_fields(thread, task, "nice", "policy", "real_time_priority", "no_new_privileges")
        lea(rdi, thread.credentials)
        mov(rsi, u64(task.credentials))
        mov(ecx, sizeof(Credentials) // sizeof(U64))
        rep.movsq()
        mov(rax, task.mask)
        mov(thread.mask, rax)
        mov(rax, task.pending.set)
        mov(thread.pending, rax)
        kernel_thread = scratch(task.thread)
        copy_fields(thread, kernel_thread, "waits", "preemptions")
        self.summaries.note_doing(rax, kernel_thread)
        mov(u64(thread.state), rax)
        tail(self._copy_actions, task, thread)

    @function(context="interrupts off", holds="Process.lock")
    def _copy_actions(self, task: Ptr[Task], thread: Ptr[ThreadSummary]) -> None:
        """Fill in what is done with signals, and those that wait for the process."""
        group, thread = scratch(task.group), scratch(thread)
        mov(rax, group.pending.set)
        mov(thread.shared_pending, rax)
        actions = scratch(group.actions)
        lea(rsi, actions.actions[0])
        release(actions, group)
        mov(edx, 1)
        with while_(rdx != 0):
            mov(rax, cast(rsi, Ptr[SignalAction]).handler)
            with if_(rax == Disposition.IGNORE):
                or_(thread.ignored, rdx)
            with elif_(rax != Disposition.DEFAULT):
                or_(thread.caught, rdx)
            add(rsi, sizeof(SignalAction))
            shl(rdx, 1)
