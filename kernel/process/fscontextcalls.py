"""System calls about where names begin, and what new files are not given."""

from __future__ import annotations

from kernel.errno import Errno
from kernel.fs.credentials import CapabilityBit
from kernel.fs.file import File
from kernel.fs.files import Files
from kernel.fs.fscontexts import FsContexts
from kernel.fs.inode import is_type
from kernel.fs.mode import Access, FileType
from kernel.fs.openflag import OpenFlag
from kernel.fs.permissions import Permissions
from kernel.process.filecalls import FileCalls
from kernel.process.namestarts import AT_FDCWD
from kernel.process.pathcalls import PathCalls
from kernel.process.processes import Processes
from kernel.process.systemcallgroup import SystemCallGroup
from pykasm import *

UMASK = 0o777
"""Permissions that `umask` is about."""


class FsContextCalls(SystemCallGroup):
    """Each method is what Linux does for the call of its name (man-pages, section 2)."""

    def __init__(
        self,
        processes: Processes,
        paths: PathCalls,
        numbers: FileCalls,
        files: Files,
        contexts: FsContexts,
        permissions: Permissions,
    ) -> None:
        self.processes = processes
        self.paths = paths
        self.numbers = numbers
        self.files = files
        self.contexts = contexts
        self.permissions = permissions

    @function(context="thread", sleeps=True)
    def chroot(self, name: Fetched[User[U8]]) -> OrErrno[I64]:
        """Make the directory `name` the root."""
        failed, opened = self.paths.find(AT_FDCWD, name, OpenFlag.PATH | OpenFlag.DIRECTORY, 0)
        with if_(opened == 0):
            ret(failed)
        ignore(failed, "it is there")
        file, result = keep(opened), keep(I64)
        errdefer(self.files.drop, file)
        task = self.processes.current()
        done = self.permissions.check(file.inode, Access.EXECUTE, task.credentials)
        movsxd(result, done)
        try_(result)
        task = self.processes.current()
        credentials = scratch(task.credentials)
        fail_if((credentials.effective & (1 << CapabilityBit.SYS_CHROOT)) == 0, Errno.EPERM)
        self.contexts.set_root(task.context, address_of(file.path))
        self.files.drop(file)
        ret(0)

    @function(context="thread", sleeps=True)
    def chdir(self, name: Fetched[User[U8]]) -> OrErrno[I64]:
        """Make the directory `name` the current one."""
        failed, opened = self.paths.find(AT_FDCWD, name, OpenFlag.PATH | OpenFlag.DIRECTORY, 0)
        with if_(opened == 0):
            ret(failed)
        ignore(failed, "it is there")
        tail(self._change_to, opened)

    @function(context="thread", sleeps=True)
    def fchdir(self, number: U32) -> OrErrno[I64]:
        """Make the open directory `number` the current one."""
        file = scratch(try_(self.numbers.get(number), Errno.EBADF))
        tail(self._change_to, file)

    @function(context="thread", sleeps=True)
    def _change_to(self, file: Keep[Owned[Ptr[File]]]) -> OrErrno[I64]:
        """Make `file` the current directory, if it is one and may be."""
        errdefer(self.files.drop, file)
        fail_if(~is_type(scratch(file.inode), FileType.DIRECTORY), Errno.ENOTDIR)
        task = self.processes.current()
        result = keep(I64)
        done = self.permissions.check(file.inode, Access.EXECUTE, task.credentials)
        movsxd(result, done)
        try_(result)
        task = self.processes.current()
        self.contexts.set_current(task.context, address_of(file.path))
        self.files.drop(file)
        ret(0)

    @function(context="thread")
    def umask(self, mask: U32) -> OrErrno[I64]:
        """Set the permissions that new files do not get. Return those before."""
        and_(mask, UMASK)
        task = self.processes.current()
        context = scratch(task.context)
        xchg(context.umask, mask)
        mov(eax, mask)
        ret(rax)
