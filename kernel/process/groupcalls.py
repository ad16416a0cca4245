"""System calls about parents, process groups and sessions."""

from __future__ import annotations

from kernel.errno import Errno
from kernel.process.process import Process
from kernel.process.processes import Processes
from kernel.process.processgroups import ProcessGroups
from kernel.process.systemcallgroup import SystemCallGroup
from pykasm import *


class GroupCalls(SystemCallGroup):
    """Each method is what Linux does for the call of its name (man-pages, section 2)."""

    def __init__(self, processes: Processes, groups: ProcessGroups) -> None:
        self.processes = processes
        self.groups = groups

    @function(context="thread")
    def getppid(self) -> OrErrno[I64]:
        """Return the number of the process's parent; 0 if that is the kernel."""
        process = self.processes.current_process()
        mov(eax, process.parent_number)
        ret(rax)

    # Process groups

    @function(context="thread")
    def getpgrp(self) -> OrErrno[I64]:
        """Return the number of the process's group."""
        tail(self.getpgid, 0)

    @function(context="thread")
    def getpgid(self, number: U32) -> OrErrno[I64]:
        """Return the number of the group of the process `number`, 0 for this one."""
        process, result = keep(try_(self._find(number), Errno.ESRCH)), keep(I64)
        mov(u32(result), self.processes.group_number(process))
        self.processes.drop(process)
        ret(result)

    @function(context="thread")
    def getsid(self, number: U32) -> OrErrno[I64]:
        """Return the number of the session of the process `number`, 0 for this one."""
        process, result = keep(try_(self._find(number), Errno.ESRCH)), keep(I64)
        with self.processes.lock.held():
            group = scratch(process.group)
            session = scratch(group.session)
            mov(u32(result), session.number)
        self.processes.drop(process)
        ret(result)

    @function(context="thread")
    def _find(self, number: U32) -> Owned[OrNull[Ptr[Process]]]:
        """Return a reference to the process `number`, 0 for the one that runs, or null."""
        with if_(number == 0):
            process = self.processes.current_process()
            mov(number, process.number)
        tail(self.processes.find, number)

    @function(context="thread")
    def setpgid(self, number: Keep[U32], group_number: Keep[U32]) -> OrErrno[I64]:
        """Move the process `number`, 0 for this one, into the group `group_number`, 0 for that of
        its own number."""
        result = keep(I64)
        with if_(number == 0):
            current = self.processes.current_process()
            mov(number, current.number)
        with if_(group_number == 0):
            mov(group_number, number)
        fail_if(i32(group_number) < 0, Errno.EINVAL)
        target = keep(try_(self.processes.find(number), Errno.ESRCH))
        errdefer(self.processes.drop, target)
        spare = keep(try_(self.groups.create(group_number), Errno.ENOMEM))  # before the lock
        with self.processes.lock.held():
            mov(result, self._check(target))
            with if_(result == 0):
                mov(result, self.groups.move(target, group_number, spare))
            with else_():
                self.groups.discard(spare)
        self.processes.drop(target)
        ret(result)

    @function(context="thread")
    def setsid(self) -> OrErrno[I64]:
        """Begin a session, and a group in it. Return their number, that of the process."""
        process, result = keep(self.processes.current_process()), keep(I64)
        group = keep(try_(self.groups.create_with_session(process.number), Errno.ENOMEM))
        with self.processes.lock.held():
            mov(result, self.groups.begin_session(process, group))
        with if_(result == 0):
            mov(u32(result), process.number)
        ret(result)

    @function(holds="Processes.lock")
    def _check(self, target: Ptr[Process]) -> OrErrno[I64]:
        """Return 0 if this process may choose the group of `target`, else an error."""
        current = scratch(self.processes.current_process())
        group, own = scratch(target.group), scratch(current.group)
        session = scratch(group.session)
        with if_(target != current):
            fail_if(target.parent != current, Errno.ESRCH)
            fail_if(session != own.session, Errno.EPERM)
            fail_if(target.executed != 0, Errno.EACCES)
        mov(eax, session.number)
        fail_if(eax == target.number, Errno.EPERM)
        ret(0)
