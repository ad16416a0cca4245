"""What tasks share of open files and of mounts, and what they leave."""

from __future__ import annotations

from kernel.errno import Errno
from kernel.fs.credentials import CapabilityBit
from kernel.fs.filetable import FileTable
from kernel.fs.filetables import FileTables
from kernel.fs.fscontext import FsContext
from kernel.fs.fscontexts import FsContexts
from kernel.fs.mount import MountNamespace
from kernel.process.cloneflag import CloneFlag
from kernel.process.processes import Processes
from pykasm import *

ALONE = CloneFlag.THREAD | CloneFlag.SIGHAND | CloneFlag.VM
"""What only a process with a single thread may ask for, which shares none of it."""

UNSHARED = int(ALONE | CloneFlag.FS | CloneFlag.FILES | CloneFlag.SYSVSEM | CloneFlag.NEWNS)
"""What `unshare` can do."""


class Unsharing(Subsystem):
    """Gives the task that runs its own of what it shares with others, and other namespaces
    (unshare(2), setns(2)). All return 0 or an error. Context: thread."""

    def __init__(self, processes: Processes, tables: FileTables, contexts: FsContexts) -> None:
        self.processes = processes
        self.tables = tables
        self.contexts = contexts

    @function(context="thread", sleeps=True)
    def unshare(self, flags: Keep[U32]) -> OrErrno[I64]:
        """Give the task copies of what `CloneFlag`s name. Either all is done, or nothing."""
        task, context, files = (
            keep(self.processes.current()),
            keep(OrNull[Ptr[FsContext]]),
            keep(OrNull[Ptr[FileTable]]),
        )
        try_(self._check(flags))
        for kept in (context, files):
            xor(u32(kept), u32(kept))
        with if_(flags & CloneFlag.FILES):
            mov(files, try_(self.tables.clone(scratch(task.files)), Errno.ENOMEM))
        with errdefer(self._drop_files, files):
            with if_(flags & CloneFlag.NEWNS):
                mov(context, try_(self.contexts.clone_apart(scratch(task.context)), Errno.ENOMEM))
            with elif_(flags & CloneFlag.FS):
                mov(context, try_(self.contexts.clone(scratch(task.context)), Errno.ENOMEM))
        process = keep(task.process)
        with process.lock.held():  # others may be about to look there
            with if_(files != 0):
                xchg(task.files, files)
            with if_(context != 0):
                xchg(task.context, context)
        self._drop_files(files)
        with if_(context != 0):
            self.contexts.drop(context)
        ret(0)

    @function(context="thread", sleeps=True)
    def _drop_files(self, files: OrNull[Owned[Ptr[FileTable]]]) -> None:
        """Drop `files`, if there are any."""
        with if_(files != 0):
            tail(self.tables.drop, files)

    @function
    def _check(self, flags: U32) -> OrErrno[I64]:
        """Return 0 if the task that runs may have what `flags` ask for, or an error."""
        task = self.processes.current()
        group = scratch(task.group)
        fail_if(flags & (~UNSHARED & 0xFFFF_FFFF), Errno.EINVAL)
        with if_(flags & int(ALONE)):
            fail_if(group.count != 1, Errno.EINVAL)
        with if_(flags & CloneFlag.NEWNS):
            tail(self._check_capable, 1 << CapabilityBit.SYS_ADMIN)
        ret(0)

    @function
    def _check_capable(self, capabilities: U64) -> OrErrno[I64]:
        """Return 0 if the task that runs has all `capabilities`, or -EPERM."""
        task = self.processes.current()
        credentials = scratch(task.credentials)
        mov(rax, credentials.effective)
        not_(rax)
        fail_if(rax & capabilities, Errno.EPERM)
        ret(0)

    @function(context="thread", sleeps=True)
    def enter(self, namespace: Keep[Owned[Ptr[MountNamespace]]]) -> OrErrno[I64]:
        """Move the task to the root of `namespace`, unless it shares where it is with others
        (-EINVAL)."""
        task = keep(self.processes.current())
        with errdefer(self.contexts.namespaces.drop, namespace):
            needed = 1 << CapabilityBit.SYS_ADMIN | 1 << CapabilityBit.SYS_CHROOT
            try_(self._check_capable(needed))
            context = scratch(task.context)
            fail_if(context.references.count != 1, Errno.EINVAL)
            made = keep(try_(self.contexts.clone(scratch(task.context)), Errno.ENOMEM))
        self.contexts.enter(made, namespace)
        process = keep(task.process)
        with process.lock.held():
            xchg(task.context, made)
        self.contexts.drop(made)
        ret(0)
