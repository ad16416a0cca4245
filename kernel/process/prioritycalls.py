"""System calls about how urgent programs are."""

from __future__ import annotations

from enum import IntEnum

from kernel.errno import Errno
from kernel.fs.credentials import CapabilityBit
from kernel.process.limits import Resource
from kernel.process.policies import LEAST_NICE, MOST_NICE, Policies
from kernel.process.process import Process
from kernel.process.processes import Processes
from kernel.process.systemcallgroup import SystemCallGroup
from kernel.process.task import Task
from kernel.process.tasksearch import TaskSearch
from kernel.structures.tree import Trees
from pykasm import *

NICE_OFFSET = 20
"""What `getpriority` returns for a nice value of 0, as it returns no negative numbers."""


class PriorityKind(IntEnum):
    """Whose urgency is meant (include/uapi/linux/resource.h: PRIO_PROCESS and so on)."""

    PROCESS = 0
    """That of one thread, as Linux has it."""
    GROUP = 1
    USER = 2


class PriorityRequest(Struct):
    """What is to be done with each thread that is meant."""

    kind: U32 = field(PriorityKind)
    number: U32
    is_set: U32
    """1 if their nice values are to be set."""
    nice: I32
    result: I64
    """What comes of it: -ESRCH as long as no thread was found."""


class PriorityCalls(SystemCallGroup):
    """Each method is what Linux does for the call of its name (man-pages, section 2)."""

    def __init__(
        self, processes: Processes, search: TaskSearch, policies: Policies, trees: Trees
    ) -> None:
        self.processes = processes
        self.search = search
        self.policies = policies
        self.trees = trees

    @function(context="thread")
    def getpriority(self, kind: U32, number: U32) -> OrErrno[I64]:
        """Return how urgent the most urgent thread is that is meant: 20 less its nice value."""
        request = local(PriorityRequest)
        fail_if(kind > PriorityKind.USER, Errno.EINVAL)
        mov(request.is_set, 0)
        mov(request.kind, kind)
        mov(request.number, number)
        self._do(address_of(request))
        ret(request.result)

    @function(context="thread")
    def setpriority(self, kind: U32, number: U32, nice: I32) -> OrErrno[I64]:
        """Set the nice values of all threads that are meant to `nice`, or what comes nearest."""
        request = local(PriorityRequest)
        fail_if(kind > PriorityKind.USER, Errno.EINVAL)
        with if_(nice < LEAST_NICE):
            mov(nice, LEAST_NICE)
        with if_(nice > MOST_NICE):
            mov(nice, MOST_NICE)
        mov(request.is_set, 1)
        mov(request.kind, kind)
        mov(request.number, number)
        mov(request.nice, nice)
        self._do(address_of(request))
        ret(request.result)

    @function(context="thread")
    def _do(self, request: Keep[Ptr[PriorityRequest]]) -> None:
        """Do it with all threads that `request` means."""
        mov(request.result, -Errno.ESRCH)
        task = self.processes.current()
        credentials, number = scratch(task.credentials), scratch(request.number)
        with if_(request.kind != PriorityKind.PROCESS):
            with if_((number == 0) & (request.kind == PriorityKind.USER)):
                mov(eax, credentials.user)
                mov(request.number, eax)
            with if_((number == 0) & (request.kind == PriorityKind.GROUP)):
                group = self.processes.group_number(scratch(task.process))
                mov(request.number, group)
            tail(self._visit_all, request)
        with if_(number == 0):
            mov(eax, task.number)
            mov(request.number, eax)
        process = keep(self.search.find_process(request.number))
        with if_(process != 0):
            self._visit(process, request)
            self.processes.drop(process)

    @function(context="thread")
    def _visit_all(self, request: Keep[Ptr[PriorityRequest]]) -> None:
        """Do it with the threads of all processes that `request` means."""
        key = keep(U64)
        xor(u32(key), u32(key))
        with self.processes.lock.held(), loop():
            node = scratch(self.trees.at_least(address_of(self.processes.all), key))
            break_if(node == 0)
            mov(key, node.key)
            inc(key)
            process = scratch(container_of(node, Process, "node"))
            group = scratch(process.group)
            mov(eax, u32(group.node.key))
            with if_((request.kind == PriorityKind.USER) | (eax == request.number)):
                self._visit(process, request)

    @function(context="thread")
    def _visit(self, process: Keep[Ptr[Process]], request: Keep[Ptr[PriorityRequest]]) -> None:
        """Do it with the threads of `process` that `request` means."""
        with process.lock.held(), process.tasks.each(Task, "sibling") as task:
            credentials, number = scratch(task.credentials), scratch(request.number)
            mov(eax, task.number)
            mov(ecx, credentials.user)
            with if_(
                (request.kind == PriorityKind.GROUP)
                | ((request.kind == PriorityKind.PROCESS) & (eax == number))
                | ((request.kind == PriorityKind.USER) & (ecx == number))
            ):
                self._meet(process, task, request)

    @function(context="thread", holds="process.lock")
    def _meet(
        self, process: Ptr[Process], task: Keep[Ptr[Task]], request: Keep[Ptr[PriorityRequest]]
    ) -> None:
        """Do it with `task`, one of `process`."""
        with if_(request.is_set == 0):
            mov(ecx, NICE_OFFSET)
            sub(ecx, task.nice)
            with if_(i64(rcx) > request.result):
                mov(request.result, rcx)
            ret()
        result = self._check(process, task, request.nice)
        with if_(result != 0):
            mov(request.result, result)
            ret()
        with if_(request.result == -Errno.ESRCH):
            mov(request.result, 0)
        mov(eax, request.nice)
        mov(task.nice, eax)
        tail(self.policies.apply, task)

    @function(context="thread")
    def _check(self, process: Ptr[Process], task: Ptr[Task], nice: I32) -> OrErrno[I64]:
        """Return 0 if this task may set the nice value of `task`; -EPERM if that is another user's,
        -EACCES if it would become more urgent than it may be."""
        own, other = scratch(self.processes.current().credentials), scratch(task.credentials)
        with if_(own.effective & (1 << CapabilityBit.SYS_NICE)):
            ret(0)
        mov(eax, own.effective_user)
        fail_if((eax != other.user) & (eax != other.effective_user), Errno.EPERM)
        mov(eax, NICE_OFFSET)
        sub(eax, nice)
        fail_if((nice < task.nice) & (rax > process.limits[Resource.NICE].soft), Errno.EACCES)
        ret(0)
