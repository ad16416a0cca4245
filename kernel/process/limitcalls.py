"""System calls about limits of what processes use."""

from __future__ import annotations

from kernel.errno import Errno
from kernel.fs.credentials import CapabilityBit
from kernel.process.limits import RESOURCES, Resource, ResourceLimit
from kernel.process.process import Process
from kernel.process.processes import Processes
from kernel.process.systemcallgroup import SystemCallGroup
from kernel.process.task import Task
from kernel.process.tasksearch import TaskSearch
from kernel.vm.usercopy import UserCopy
from pykasm import *

MOST_OPEN_FILES = 1 << 20
"""What RLIMIT_NOFILE may be at most, unless it is set."""

INT_MAX = (1 << 31) - 1
"""More signals than there is room for."""


class LimitCalls(SystemCallGroup):
    """Each method is what Linux does for the call of its name (man-pages, section 2)."""

    most_files = data(U64, MOST_OPEN_FILES)
    """What RLIMIT_NOFILE may be at most (Linux: /proc/sys/fs/nr_open, proc(5))."""

    def __init__(
        self,
        processes: Processes,
        search: TaskSearch,
        copy: UserCopy,
    ) -> None:
        self.processes = processes
        self.search = search
        self.copy = copy

    @function(context="thread", sleeps=True)
    def getrlimit(self, resource: Untrusted[U32], old: User[U8]) -> OrErrno[I64]:
        """Store the limit of `resource` in `old`."""
        limit = local(ResourceLimit)
        fail_if(resource >= RESOURCES, Errno.EINVAL)
        process = keep(self.processes.current_process())
        old = keep(old)
        ignore(self._exchange(process, resource, 0, address_of(limit)), "nothing changes")
        ret(self._store(old, address_of(limit)))

    @function(context="thread", sleeps=True)
    def setrlimit(self, resource: Untrusted[U32], new: User[U8]) -> OrErrno[I64]:
        """Set the limit of `resource` to that in `new`."""
        tail(self.prlimit64, 0, resource, new, 0)

    @function(context="thread", sleeps=True)
    def prlimit64(
        self,
        number: Keep[U32],
        resource: Keep[Untrusted[U32]],
        new: Keep[User[U8]],
        old: Keep[User[U8]],
    ) -> OrErrno[I64]:
        """Set the limit of `resource` for the process that has the thread `number`, 0 for this one,
        to that in `new`, and store what it was in `old`; each unless it is null."""
        limit, former, result = local(ResourceLimit), local(ResourceLimit), local(I64)
        fail_if(resource >= RESOURCES, Errno.EINVAL)
        wanted = scratch(OrNull[Ptr[ResourceLimit]])
        with if_(u64(new) != 0):
            failed, left = self.copy.copy_in(address_of(limit), new, sizeof(ResourceLimit))
            ignore(left)
            with if_(failed != 0):
                movsxd(rax, failed)
                ret(rax)
        process = keep(try_(self.search.find_process(number), Errno.ESRCH))
        mov(result, self._check(process, number))
        with if_(result == 0):
            xor(u32(wanted), u32(wanted))
            with if_(u64(new) != 0):
                lea(wanted, limit)
            mov(result, self._exchange(process, resource, wanted, address_of(former)))
        self.processes.drop(process)
        with if_((result != 0) | (u64(old) == 0)):
            ret(result)
        ret(self._store(old, address_of(former)))

    @function(context="thread", sleeps=True)
    def _store(self, target: User[U8], limit: Ptr[ResourceLimit]) -> OrErrno[I64]:
        """Store `limit` at `target`. Returns 0 or an error."""
        result, left = self.copy.copy_out(target, u64(limit), sizeof(ResourceLimit))
        ignore(left)
        movsxd(rax, result)
        ret(rax)

    @function(context="thread")
    def _check(self, process: Keep[Ptr[Process]], number: Keep[U32]) -> OrErrno[I64]:
        """Return 0 if this task may look at the limits of `process` and change them: those of its
        own users do not differ, or it has the right; -EPERM or -ESRCH."""
        own = keep(self.processes.current())
        result = keep(I64)
        with if_(process == own.process):
            ret(0)
        mov(result, -Errno.ESRCH)
        with process.lock.held():
            task = scratch(self.search.task_of(process, number))
            with if_(task != 0):
                mov(result, self._compare(own, task))
        ret(result)

    @function
    def _compare(self, own: Ptr[Task], other: Ptr[Task]) -> OrErrno[I64]:
        """Return 0 if all users and groups of `other` are the real ones of `own`, or that may
        change all limits; else -EPERM."""
        mine, theirs = scratch(own.credentials), scratch(other.credentials)
        with if_(mine.effective & (1 << CapabilityBit.SYS_RESOURCE)):
            ret(0)
        for kind in ("user", "group"):
            mov(eax, getattr(mine, kind))
            for name in (kind, f"effective_{kind}", f"saved_{kind}"):
                fail_if(eax != getattr(theirs, name), Errno.EPERM)
        ret(0)

    @function(context="thread")
    def _exchange(
        self,
        process: Keep[Ptr[Process]],
        resource: Keep[U32],
        new: Keep[OrNull[Ptr[ResourceLimit]]],
        former: Keep[Ptr[ResourceLimit]],
    ) -> OrErrno[I64]:
        """Set the limit of `process` for `resource` to `new`, unless that is null; and fill in
        `former` with what it was. Returns 0, -EINVAL or -EPERM."""
        result, limit = keep(I64), scratch(Ptr[ResourceLimit])
        xor(u32(result), u32(result))
        with process.lock.held():
            mov(eax, resource)
            shl(rax, sizeof(ResourceLimit).bit_length() - 1)
            lea(limit, process.limits[0])
            add(u64(limit), rax)
            copy_fields(former, limit, "soft", "hard")
            with if_(new != 0):
                mov(result, self._may_set(former, new, resource))
                with if_(result == 0):
                    self._set(process, resource, new)
        ret(result)

    @function
    def _may_set(
        self, old: Ptr[ResourceLimit], new: Ptr[ResourceLimit], resource: U32
    ) -> OrErrno[I64]:
        """Return 0 if `new` may follow `old`; -EINVAL or -EPERM."""
        mov(rax, new.hard)
        fail_if(rax < new.soft, Errno.EINVAL)
        with if_(resource == Resource.NOFILE):
            fail_if(rax > self.most_files, Errno.EPERM)
        credentials = scratch(self.processes.current().credentials)
        with if_(rax > old.hard):
            fail_if((credentials.effective & (1 << CapabilityBit.SYS_RESOURCE)) == 0, Errno.EPERM)
        ret(0)

    @function(holds="process.lock")
    def _set(
        self, process: Ptr[Process], resource: Keep[U32], new: Keep[Ptr[ResourceLimit]]
    ) -> None:
        """Set the limit of `process` for `resource`, and what follows from that."""
        limit, process = scratch(Ptr[ResourceLimit]), scratch(process)
        mov(eax, resource)
        shl(rax, sizeof(ResourceLimit).bit_length() - 1)
        lea(limit, process.limits[0])
        add(u64(limit), rax)
        mov(rax, new.hard)
        mov(limit.hard, rax)
        mov(rax, new.soft)
        mov(limit.soft, rax)
        with if_(resource == Resource.SIGPENDING):
            mov(ecx, INT_MAX)
            with if_(rax < rcx):
                mov(ecx, eax)
            mov(process.signals.queue_limit, ecx)
        with if_(resource == Resource.FSIZE):
            mov(rax, new.soft)
            mov(process.signals.largest_file, rax)
        with if_((resource == Resource.STACK) | (resource == Resource.AS)):
            self._limit_space(process, resource, scratch(new.soft))

    @function(holds="process.lock")
    def _limit_space(self, process: Ptr[Process], resource: U32, bytes: U64) -> None:
        """Have the memory of `process`, if it has one, heed a new limit."""
        with process.tasks.each(Task, "sibling", place=scratch) as task:
            space = scratch(task.space)
            with if_(space != 0):
                with if_(resource == Resource.STACK):
                    mov(space.stack_limit, bytes)
                with else_():
                    mov(space.size_limit, bytes)
                ret()
            release(space)
