"""What files do whose kind says nothing of it."""

from __future__ import annotations

from typing import Any

from kernel.errno import Errno
from kernel.fs.directorylister import DirectoryLister
from kernel.fs.file import File, FileOperations
from kernel.fs.inode import Inode
from kernel.fs.iovector import IoVector
from kernel.sync.pollqueue import PollEvent, Watcher
from kernel.vm.region import Region
from pykasm import *


class FileDefaults(Subsystem):
    """One default for each of the `FileOperations`, with the errno that Linux has for it."""

    def table(self, *, flags: int = 0, **given: Any) -> FileOperations:
        """Return a table of operations with those that are `given` by their names, and
        `FileKindFlag`s."""
        defaults = {
            "open": self.open,
            "release": self.release,
            "read": self.read,
            "write": self.write,
            "seek": self.seek,
            "list": self.list,
            "poll": self.poll,
            "map": self.map,
            "control": self.control,
        }
        return FileOperations(flags=flags, **(defaults | given))

    @function
    def open(self, inode: Ptr[Inode], file: Ptr[File]) -> OrErrno[I32]:
        """Prepare nothing. Returns 0."""
        ret(0)

    @function
    def refuse(self, inode: Ptr[Inode], file: Ptr[File]) -> OrErrno[I32]:
        """Refuse to open it, as nothing is behind it: -ENXIO."""
        ret(-Errno.ENXIO)

    @function
    def release(self, file: Ptr[File]) -> None:
        """Undo nothing."""

    @function
    def read(self, file: Ptr[File], vector: Ptr[IoVector], position: Ptr[U64]) -> OrErrno[I64]:
        """Refuse to be read: -EINVAL."""
        ret(-Errno.EINVAL)

    @function
    def write(self, file: Ptr[File], vector: Ptr[IoVector], position: Ptr[U64]) -> OrErrno[I64]:
        """Refuse to be written: -EINVAL."""
        ret(-Errno.EINVAL)

    @function
    def seek(self, file: Ptr[File], offset: I64, whence: U32) -> OrErrno[I64]:
        """Refuse to have positions: -ESPIPE."""
        ret(-Errno.ESPIPE)

    @function
    def stay(self, file: Ptr[File], offset: I64, whence: U32) -> OrErrno[I64]:
        """Move nowhere: for kinds without positions with which Linux is as patient. Returns 0."""
        ret(0)

    @function
    def list(self, file: Ptr[File], lister: Ptr[DirectoryLister]) -> OrErrno[I32]:
        """Refuse to list names: -ENOTDIR."""
        ret(-Errno.ENOTDIR)

    @function
    def poll(self, file: Ptr[File], watcher: OrNull[Ptr[Watcher]]) -> U32:
        """Return that it can be read and written, as always."""
        ret(PollEvent.IN | PollEvent.OUT | PollEvent.READ_NORMAL | PollEvent.WRITE_NORMAL)

    @function
    def map(self, file: Ptr[File], region: Ptr[Region]) -> OrErrno[I32]:
        """Refuse to be mapped, as it has no pages: -ENODEV."""
        ret(-Errno.ENODEV)

    @function
    def control(self, file: Ptr[File], request: U32, argument: U64) -> OrErrno[I64]:
        """Refuse any request: -ENOTTY."""
        ret(-Errno.ENOTTY)
