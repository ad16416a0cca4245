"""Seals of memory files."""

from __future__ import annotations

from kernel.errno import Errno
from kernel.fs.cachedfiles import CachedFiles
from kernel.fs.file import File
from kernel.fs.filemappings import FileMappings
from kernel.fs.inode import Inode
from kernel.fs.mode import Access
from kernel.fs.seal import ALL_SEALS, Seal
from kernel.sync.mutex import Mutexes
from pykasm import *


class FileSeals(Subsystem):
    """Adds them to files, and tells which there are. What they forbid, `CachedFiles` refuses.
    Context: thread."""

    def __init__(self, cached: CachedFiles, mappings: FileMappings, mutexes: Mutexes) -> None:
        self.cached = cached
        self.mappings = mappings
        self.mutexes = mutexes

    @function
    def get(self, file: Ptr[File]) -> OrErrno[I64]:
        """Return the `Seal`s of `file`; -EINVAL if it is of a kind without any."""
        inode = scratch(file.inode)
        lea(rax, self.cached.operations)
        fail_if(u64(file.operations) != rax, Errno.EINVAL)
        mov(eax, inode.seals)
        ret(i64(rax))

    @function(context="thread", sleeps=True)
    def add(self, file: Ptr[File], seals: Keep[U32]) -> OrErrno[I64]:
        """Add `seals` to those of `file`. Returns 0; -EPERM if it is not open for writing or no
        more can be added; -EBUSY if it should not be written any more, and is mapped so that it
        may be; -EINVAL for what is no seal, or a file that has none."""
        file = scratch(file)
        fail_if((file.access & Access.WRITE) == 0, Errno.EPERM)
        fail_if(seals & (~int(ALL_SEALS) & 0xFFFF_FFFF), Errno.EINVAL)
        lea(rax, self.cached.operations)
        fail_if(u64(file.operations) != rax, Errno.EINVAL)
        inode, result = keep(file.inode), keep(I64)
        with self.mutexes.held(inode.lock):
            mov(result, self._add_locked(inode, seals))
        ret(result)

    @function(context="thread", sleeps=True, holds="inode.lock")
    def _add_locked(self, inode: Keep[Ptr[Inode]], seals: Keep[U32]) -> OrErrno[I64]:
        """Add `seals`. Against writing they are there before anybody looks who maps the file, and
        who maps it counts that before a look at them (AMD64 APM vol. 2, 7.1): one of the two sees
        the other."""
        old = keep(inode.seals)
        fail_if(old & Seal.SEAL, Errno.EPERM)
        lock.or_(inode.seals, seals)
        with if_((seals & Seal.WRITE) == 0):
            ret(0)
        with if_((old & Seal.WRITE) | (lambda: ~self._may_be_written(inode))):
            ret(0)
        mov(inode.seals, old)
        fail(Errno.EBUSY)

    @function(context="thread", sleeps=True)
    def _may_be_written(self, inode: Ptr[Inode]) -> Bool:
        """Return whether somebody may write to `inode` by memory, or is about to map it."""
        with if_(inode.being_mapped != 0):  # before those that are mapped by then
            ret(True)
        tail(self.mappings.are_writable, address_of(inode.pages))
