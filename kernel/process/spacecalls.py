"""System calls about the room that files take, and about how they will be used."""

from __future__ import annotations

from enum import IntFlag

from kernel.errno import Errno
from kernel.fs.cachedfiles import CachedFiles
from kernel.fs.file import File, FileKindFlag
from kernel.fs.fileevents import FileEvents
from kernel.fs.files import Files
from kernel.fs.inode import is_type
from kernel.fs.mode import Access, FileType
from kernel.fs.notice import FileEvent
from kernel.fs.openflag import OpenFlag
from kernel.process.filecalls import FileCalls
from kernel.process.systemcallgroup import SystemCallGroup
from pykasm import *

LAST_ADVICE = 5
"""POSIX_FADV_NOREUSE (include/uapi/linux/fadvise.h)."""

SYNC_FLAGS = 7
"""Of `sync_file_range` (include/uapi/linux/fs.h)."""


class AllocationMode(IntFlag):
    """Of `fallocate` (include/uapi/linux/falloc.h)."""

    KEEP_SIZE = 1
    PUNCH_HOLE = 2


KNOWN_MODES = AllocationMode.KEEP_SIZE | AllocationMode.PUNCH_HOLE


class SpaceCalls(SystemCallGroup):
    """Each method is what Linux does for the call of its name (man-pages, section 2)."""

    def __init__(
        self, numbers: FileCalls, files: Files, cached: CachedFiles, events: FileEvents
    ) -> None:
        self.numbers = numbers
        self.files = files
        self.cached = cached
        self.events = events

    @function(context="thread", sleeps=True)
    def fallocate(
        self, number: U32, mode: Keep[U32], start: Keep[I64], length: Keep[I64]
    ) -> OrErrno[I64]:
        """Give a part of the file `number` memory, or take it from that."""
        result = keep(I64)
        file = keep(try_(self.numbers.get(number), Errno.EBADF))
        mov(result, self._allocate(file, mode, start, length))
        with if_(self.events.are_watched() & (result == 0)):
            self.events.note(file.path.dentry, FileEvent.MODIFY)
        self.files.drop(file)
        ret(result)

    @function(context="thread", sleeps=True)
    def _allocate(
        self, file: Keep[Ptr[File]], mode: Keep[U32], start: Keep[I64], length: Keep[I64]
    ) -> OrErrno[I64]:
        """Do what `fallocate` does."""
        inode = keep(file.inode)
        fail_if(file.flags & OpenFlag.PATH, Errno.EBADF)
        fail_if((start < 0) | (length <= 0), Errno.EINVAL)
        fail_if(mode & ~int(KNOWN_MODES), Errno.EOPNOTSUPP)
        fail_if(mode == AllocationMode.PUNCH_HOLE, Errno.EOPNOTSUPP)
        fail_if((file.access & Access.WRITE) == 0, Errno.EBADF)
        fail_if(is_type(inode, FileType.FIFO), Errno.ESPIPE)
        fail_if(is_type(inode, FileType.DIRECTORY), Errno.EISDIR)
        fail_if(~is_type(inode, FileType.REGULAR), Errno.ENODEV)
        add(length, start)
        fail_if(OF, Errno.EFBIG)
        self.cached.drop_set_ids(file)
        with if_(mode & AllocationMode.PUNCH_HOLE):
            result = self.cached.punch(inode, u64(start), u64(length))
            movsxd(rax, result)
            ret(rax)
        result = self.cached.reserve(inode, u64(start), u64(length), mode)
        movsxd(rax, result)
        ret(rax)

    # Advice, which changes nothing for files in memory

    @function(context="thread", sleeps=True)
    def fadvise64(self, number: U32, start: I64, length: I64, advice: Keep[U32]) -> OrErrno[I64]:
        """Note how a part of the file `number` will be used."""
        negative, kind = keep(length), keep(U32)
        file = scratch(try_(self.numbers.get(number), Errno.EBADF))
        mov(kind, file.kind)
        self.files.drop(file)
        fail_if(kind & FileKindFlag.STREAM, Errno.ESPIPE)
        fail_if((negative < 0) | (advice > LAST_ADVICE), Errno.EINVAL)
        ret(0)

    @function(context="thread", sleeps=True)
    def readahead(self, number: U32, start: I64, length: U64) -> OrErrno[I64]:
        """Have a part of the file `number` be in memory, where it is."""
        result = keep(I64)
        file = keep(try_(self.numbers.get(number), Errno.EBADF))
        mov(result, -Errno.EBADF)
        with if_(file.access & Access.READ):
            mov(result, -Errno.EINVAL)
            inode = scratch(file.inode)
            with if_(is_type(inode, FileType.REGULAR)):
                xor(u32(result), u32(result))
        self.files.drop(file)
        ret(result)

    @function(context="thread", sleeps=True)
    def sync_file_range(
        self, number: U32, start: Keep[I64], length: Keep[I64], flags: Keep[U32]
    ) -> OrErrno[I64]:
        """Wait until what was written to a part of the file `number` is where it stays."""
        kind, opened = keep(U32), keep(U32)
        file = scratch(try_(self.numbers.get(number), Errno.EBADF))
        mov(kind, file.kind)
        mov(opened, file.flags)
        self.files.drop(file)
        fail_if(opened & OpenFlag.PATH, Errno.EBADF)
        fail_if(flags & ~SYNC_FLAGS, Errno.EINVAL)
        fail_if((start < 0) | (length < 0), Errno.EINVAL)
        add(start, length)
        fail_if(OF, Errno.EINVAL)
        fail_if(kind & FileKindFlag.STREAM, Errno.ESPIPE)
        ret(0)
