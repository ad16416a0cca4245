"""The directories of processes and their threads."""

from __future__ import annotations

from kernel.errno import Errno
from kernel.proc.procentry import NO_MEMBER, ProcNode
from kernel.proc.procsource import PROCESS, THREAD, ProcNumbers, ProcSource
from kernel.process.processes import Processes
from kernel.process.processids import PID_MAX
from kernel.process.task import Task
from kernel.process.tasksearch import TaskSearch
from kernel.structures.tree import Trees
from pykasm import *


class ProcTasks(ProcSource):
    """Finds processes in the directory of all, and threads in that of each process. Context:
    thread."""

    def __init__(self, processes: Processes, search: TaskSearch, trees: Trees) -> None:
        self.processes = processes
        self.search = search
        self.trees = trees
        self.proc_files = [
            ProcNumbers(PROCESS, self.next_process, self.enter_process, has_hidden=True),
            ProcNumbers(f"{PROCESS}/task/{THREAD}", self.next_thread, self.enter_thread),
        ]

    @function(context="thread")
    def next_process(self, node: Ptr[ProcNode], number: U64) -> U64:
        """Return the lowest number of a process, as `NextMember` says."""
        found = keep(number)
        with self.processes.lock.held():
            next = scratch(self.trees.at_least(address_of(self.processes.all), found))
            mov(found, NO_MEMBER)
            with if_(next != 0):
                mov(found, next.key)
        ret(found)

    @function(context="thread")
    def enter_process(self, node: Keep[Ptr[ProcNode]], number: Keep[U64]) -> OrErrno[I32]:
        """Have `node` tell of the thread with this number, and its process: that of any may be
        looked for, though only first ones are listed (proc(5))."""
        fail_if(number >= PID_MAX, Errno.ENOENT)
        process = self.search.process_of(u32(number))
        fail_if(process == 0, Errno.ENOENT)
        mov(node.process, process)
        mov(node.thread, u32(number))
        ret(0)

    @function(context="thread")
    def next_thread(self, node: Ptr[ProcNode], number: U64) -> U64:
        """Return the lowest number of a thread, as `NextMember` says."""
        number, process, lowest = scratch(number), scratch(node.process), scratch(U64)
        asserts(process != 0)  # it is in the directory of one
        mov(lowest, NO_MEMBER)
        with (
            process.lock.held(),
            process.tasks.each(Task, "sibling", place=scratch) as task,
        ):
            mov(eax, task.number)
            with if_((rax >= number) & (rax < lowest)):
                mov(lowest, rax)
        ret(lowest)

    @function
    def enter_thread(self, node: Ptr[ProcNode], number: U64) -> OrErrno[I32]:
        """Have `node` tell of the thread with this number."""
        mov(node.thread, u32(number))
        ret(0)
