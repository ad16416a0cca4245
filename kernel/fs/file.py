"""Open files."""

from __future__ import annotations

from enum import IntEnum, IntFlag

from kernel.fs.credentials import Credentials
from kernel.fs.directorylister import DirectoryLister
from kernel.fs.inode import FileKind, Inode
from kernel.fs.iovector import IoVector
from kernel.fs.mode import Access
from kernel.fs.openflag import OpenFlag
from kernel.fs.path import Path
from kernel.structures.list import ListHead
from kernel.structures.refcount import ReferenceCount
from kernel.sync.mutex import Mutex
from kernel.sync.pollqueue import Watcher
from kernel.vm.backing import Backing
from kernel.vm.region import Region
from pykasm import *


class FileKindFlag(IntFlag):
    """What is so of files with some operations."""

    STREAM = 1 << 0
    """They have no positions: bytes come and go in turn."""
    STORED = 1 << 1
    """What is written stays somewhere, so it can be waited for (fsync(2))."""
    UNPLACED = 1 << 2
    """They have positions that mean nothing, and stay: no lock is needed to use them."""


class File(Struct):
    """A file as somebody opened it, perhaps several who share it then; Linux's `struct file`, and
    POSIX's open file description."""

    references: ReferenceCount = field(freed_by="Files.free")
    flags: U32 = field(OpenFlag)
    access: U32 = field(Access)
    """READ and WRITE, as it was opened for."""
    kind: U32 = field(FileKindFlag)
    """What is so of its operations."""
    path: Path
    inode: Ptr[Inode]
    """That of `path`, which keeps it."""
    operations: Ptr[FileOperations]
    credentials: Owned[Ptr[Credentials]]
    """Of who opened it."""
    backing: Backing
    """For regions of programs that map it."""
    position: U64
    """Where the next read or write begins; in a directory, an opaque number."""
    position_lock: Mutex
    """Held by whatever reads or writes at `position`, or moves it."""
    watches: ListHead = field(
        guarded_by="EpollItems.lock", elements="EpollItem.sibling", unlocked_reads=True
    )
    """Where it is in sets of files that are waited for. All zero as long as it never was."""
    lock: U32 = field(guarded_by="FileLocks.lock", unlocked_reads=True)
    """The `FileLock` that it has."""
    private: U64
    """What the kind of file has besides."""


class Whence(IntEnum):
    """What a new position is counted from (include/uapi/linux/fs.h)."""

    SET = 0
    CURRENT = 1
    END = 2
    DATA = 3
    HOLE = 4


class OpenFile(Fn[[Ptr[Inode], Ptr[File]], OrErrno[I32]], context="thread"):
    """Prepare a file that is being opened. It may get other operations here."""


class ReleaseFile(Fn[[Ptr[File]], Void], context="thread"):
    """Undo `open`: nobody has the file any more."""


class ReadFile(Fn[[Ptr[File], Ptr[IoVector], Ptr[U64]], OrErrno[I64]], context="thread"):
    """Read into the vector from a position on, which is moved. Returns how many bytes were read, 0
    at the end."""


class WriteFile(Fn[[Ptr[File], Ptr[IoVector], Ptr[U64]], OrErrno[I64]], context="thread"):
    """Write from the vector at a position, which is moved. Returns how many bytes were written."""


class SeekFile(Fn[[Ptr[File], I64, U32], OrErrno[I64]], context="thread"):
    """Move the position, counted by a `Whence`. Returns the new one."""


class ListDirectory(Fn[[Ptr[File], Ptr[DirectoryLister]], OrErrno[I32]], context="thread"):
    """Give a lister the names in a directory, from the position on, until it wants no more."""


class PollFile(Fn[[Ptr[File], OrNull[Ptr[Watcher]]], U32], context="thread"):
    """Return which `PollEvent`s hold. If there is a watcher, it is told of changes from then
    on."""


class MapFile(Fn[[Ptr[File], Ptr[Region]], OrErrno[I32]], context="thread"):
    """Give a region, which is to be mapped, what has its pages; nothing if it is to be as anonymous
    memory is. The rest of it is filled in."""


class ControlFile(Fn[[Ptr[File], U32, U64], OrErrno[I64]], context="thread"):
    """Do what `ioctl` is called for by a request and its argument, often an address of the
    program's. Returns what the call does; -ENOTTY if the kind of file knows no such request."""


class FileOperations(FileKind):
    """What is done with open files of a kind."""

    open: OpenFile
    release: ReleaseFile
    read: ReadFile
    write: WriteFile
    seek: SeekFile
    list: ListDirectory
    poll: PollFile
    map: MapFile
    control: ControlFile
