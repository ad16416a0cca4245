"""System calls about the processors that threads may run on."""

from __future__ import annotations

from kernel.errno import Errno
from kernel.fs.credentials import CapabilityBit
from kernel.process.processes import Processes
from kernel.process.systemcallgroup import SystemCallGroup
from kernel.process.task import Task
from kernel.process.tasksearch import TaskSearch
from kernel.processors.processors import Processors
from kernel.sched.runqueue import PROCESSOR_WORDS
from kernel.sched.scheduler import Scheduler
from kernel.sched.thread import Interruption
from kernel.sched.waiting import Waiting
from kernel.vm.usercopy import UserCopy
from pykasm import *

WORD_BITS = 64

ProcessorSet = U64 * PROCESSOR_WORDS


class AffinityCalls(SystemCallGroup):
    """Each method is what Linux does for the call of its name (man-pages, section 2)."""

    def __init__(
        self,
        processes: Processes,
        search: TaskSearch,
        processors: Processors,
        scheduler: Scheduler,
        waiting: Waiting,
        copy: UserCopy,
    ) -> None:
        self.processes = processes
        self.search = search
        self.processors = processors
        self.scheduler = scheduler
        self.waiting = waiting
        self.copy = copy

    @function(context="thread", sleeps=True)
    def sched_getaffinity(
        self, number: Keep[U32], length: Untrusted[U64], target: Keep[User[U8]]
    ) -> OrErrno[I64]:
        """Store the set of processors that the thread `number` may run on, 0 for this one. Return
        how many bytes it has."""
        set, size, result = local(ProcessorSet), keep(U64), keep(I64)
        mov(eax, self.processors.count)
        fail_if((length & (sizeof(U64) - 1)) != 0, Errno.EINVAL)
        mov(rcx, length)
        shl(rcx, 3)
        fail_if(rcx < rax, Errno.EINVAL)
        mov(size, sizeof(ProcessorSet))
        with if_(length < size):
            mov(size, length)
        process = keep(try_(self.search.find_process(number), Errno.ESRCH))
        self._clear_set(set)
        mov(result, -Errno.ESRCH)
        with process.lock.held():
            task = scratch(self.search.task_of(process, number))
            with if_(task != 0):
                xor(u32(result), u32(result))
                thread = scratch(task.thread)
                for word in range(PROCESSOR_WORDS):
                    mov(rax, thread.allowed[word])
                    mov(set[word], rax)
        self.processes.drop(process)
        with if_(result != 0):
            ret(result)
        ignore(self._leave_online(address_of(set)), "some are always left")
        self.copy.copy_out_all(target, address_of(set), size)
        ret(size)

    @inline
    def _clear_set(self, set: Array[U64]) -> None:
        """Make `set` empty."""
        for word in range(PROCESSOR_WORDS):
            mov(set[word], 0)

    @function
    def _leave_online(self, set: Ptr[U64]) -> Bool:
        """Take what there is not out of `set`. Returns whether anything is left."""
        online, found = scratch(U64), scratch(U64)
        xor(u32(found), u32(found))
        for word in range(PROCESSOR_WORDS):
            mov(ecx, self.processors.count)
            sub(ecx, word * WORD_BITS)
            xor(u32(online), u32(online))
            with if_(i32(ecx) >= WORD_BITS):
                dec(online)
            with elif_(i32(ecx) > 0):
                bts(online, rcx)
                dec(online)
            and_(online, set[word])
            mov(set[word], online)
            or_(found, online)
        ret(found != 0)

    @function(context="thread", sleeps=True)
    def sched_setaffinity(
        self, number: Keep[U32], length: Keep[Untrusted[U64]], source: Fetched[User[U8]]
    ) -> OrErrno[I64]:
        """Bind the thread `number`, 0 for this one, to the set of processors at `source`.
        It leaves another one before it goes on."""
        set, result = local(ProcessorSet), keep(I64)
        self._clear_set(set)
        with if_(length > sizeof(ProcessorSet)):
            mov(length, sizeof(ProcessorSet))
        self.copy.copy_in_all(address_of(set), source, length)
        process = keep(try_(self.search.find_process(number), Errno.ESRCH))
        mov(result, -Errno.ESRCH)
        with process.lock.held():
            task = keep(self.search.task_of(process, number))
            with if_(task != 0):
                mov(result, self._set(task, address_of(set)))
        self.processes.drop(process)
        ret(result)

    @function(context="thread", holds="Process.lock")
    def _set(self, task: Keep[Ptr[Task]], set: Keep[Ptr[U64]]) -> OrErrno[I64]:
        """Bind `task` to the processors of `set`. Returns 0; -EPERM if the task that runs
        may not do that, -EINVAL if there is none of them."""
        own, other = scratch(self.processes.current().credentials), scratch(task.credentials)
        with if_((own.effective & (1 << CapabilityBit.SYS_NICE)) == 0):
            mov(eax, own.effective_user)
            fail_if((eax != other.user) & (eax != other.effective_user), Errno.EPERM)
        release(own, other)
        fail_if(~self._leave_online(set), Errno.EINVAL)
        self.scheduler.allow(task.thread, set)
        self.waiting.interrupt(task.thread, Interruption.MOVE)
        ret(0)
