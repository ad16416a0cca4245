"""Names that only the kernel makes."""

from __future__ import annotations

from typing import Any

from kernel.errno import Errno
from kernel.fs.credentials import Credentials
from kernel.fs.inode import Dentry, Inode, InodeOperations
from kernel.fs.mode import TYPE_MASK, FileType
from pykasm import *


class FixedNames(Subsystem):
    """What is refused in file systems in which nobody can make, remove or rename anything. Context:
    thread, with the locks that `InodeOperations` tells."""

    def table(self, **given: Any) -> InodeOperations:
        """Return a table of operations with those that are `given` by their names."""
        refused = {
            "create": self.create,
            "symlink": self.symlink,
            "link": self.link,
            "unlink": self.unlink,
            "rename": self.rename,
        }
        return InodeOperations(**(refused | given))

    @function
    def create(
        self,
        directory: Ptr[Inode],
        dentry: Ptr[Dentry],
        mode: U32,
        device: U64,
        credentials: Ptr[Credentials],
    ) -> OrErrno[I32]:
        """Refuse to make anything: -EACCES for regular files, -EPERM for others, as on Linux."""
        and_(mode, TYPE_MASK)
        fail_if(mode == FileType.REGULAR, Errno.EACCES)
        ret(-Errno.EPERM)

    @function
    def symlink(
        self,
        directory: Ptr[Inode],
        dentry: Ptr[Dentry],
        text: Ptr[U8],
        credentials: Ptr[Credentials],
    ) -> OrErrno[I32]:
        """Refuse to make a link: -EPERM."""
        ret(-Errno.EPERM)

    @function
    def link(self, inode: Ptr[Inode], directory: Ptr[Inode], dentry: Ptr[Dentry]) -> OrErrno[I32]:
        """Refuse a second name: -EPERM."""
        ret(-Errno.EPERM)

    @function
    def unlink(self, directory: Ptr[Inode], dentry: Ptr[Dentry]) -> OrErrno[I32]:
        """Refuse to take a name out: -EPERM."""
        ret(-Errno.EPERM)

    @function
    def rename(
        self,
        directory: Ptr[Inode],
        dentry: Ptr[Dentry],
        target_directory: Ptr[Inode],
        target: Ptr[Dentry],
    ) -> OrErrno[I32]:
        """Refuse to change a name: -EPERM."""
        ret(-Errno.EPERM)
