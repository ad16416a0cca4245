"""Who does something with sockets."""

from __future__ import annotations

from kernel.errno import Errno
from kernel.fs.credentials import CapabilityBit, Credentials
from kernel.net.socketmessage import SocketIdentity
from kernel.process.processes import Processes
from kernel.process.tasksearch import TaskSearch
from pykasm import *


class SocketIdentities(Subsystem):
    """Tells who runs. Context: thread."""

    def __init__(self, processes: Processes, search: TaskSearch) -> None:
        self.processes = processes
        self.search = search

    @function
    def take_real(self, identity: Ptr[SocketIdentity]) -> None:
        """Fill in the process that runs, and its real user and group."""
        task = self.processes.current()
        credentials = scratch(task.credentials)
        mov(eax, credentials.user)
        mov(identity.user, eax)
        mov(eax, credentials.group)
        mov(identity.group, eax)
        tail(self._take_process, identity)

    @function
    def take_effective(self, identity: Ptr[SocketIdentity]) -> None:
        """Fill in the process that runs, and its effective user and group."""
        task = self.processes.current()
        credentials = scratch(task.credentials)
        mov(eax, credentials.effective_user)
        mov(identity.user, eax)
        mov(eax, credentials.effective_group)
        mov(identity.group, eax)
        tail(self._take_process, identity)

    @function
    def _take_process(self, identity: Ptr[SocketIdentity]) -> None:
        """Fill in the number of the process that runs."""
        process = self.processes.current_process()
        mov(eax, process.number)
        mov(identity.process, eax)

    # Those that programs state

    @function(context="thread", sleeps=True)
    def check(self, identity: Keep[Ptr[SocketIdentity]]) -> OrErrno[I64]:
        """Return 0 if who runs may say that it is `identity`: its own process, and one of its real,
        effective and saved users and groups, or as it likes by capabilities; -EPERM, or -ESRCH for
        a process that there is not (unix(7))."""
        task = self.processes.current()
        own = keep(task.credentials)
        process = self.processes.current_process()
        mov(eax, process.number)
        release(process, task)
        with if_(eax != identity.process):
            fail_if(~self._has(own, CapabilityBit.SYS_ADMIN), Errno.EPERM)
            found = try_(self.search.process_of(identity.process), Errno.ESRCH)
            self.processes.drop(found)
        fail_if(~self._is_own_user(own, identity.user), Errno.EPERM)
        fail_if(~self._is_own_group(own, identity.group), Errno.EPERM)
        ret(0)

    @function
    def _is_own_user(self, own: Ptr[Credentials], user: U32) -> Bool:
        """Return whether who has the credentials may say that it is `user`."""
        for name in ("user", "effective_user", "saved_user"):
            with if_(user == getattr(own, name)):
                ret(True)
        tail(self._has, own, CapabilityBit.SETUID)

    @function
    def _is_own_group(self, own: Ptr[Credentials], group: U32) -> Bool:
        """Return whether who has the credentials may say that it is of `group`."""
        for name in ("group", "effective_group", "saved_group"):
            with if_(group == getattr(own, name)):
                ret(True)
        tail(self._has, own, CapabilityBit.SETGID)

    @function
    def _has(self, own: Ptr[Credentials], capability: U32) -> Bool:
        """Return whether the credentials have a `CapabilityBit`."""
        mov(rax, own.effective)
        mov(ecx, capability)
        bt(rax, rcx)
        ret(CF)
