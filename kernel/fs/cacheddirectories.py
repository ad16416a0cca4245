"""Directories all of whose names are in memory."""

from __future__ import annotations

from kernel.errno import Errno
from kernel.fs.dentries import Dentries
from kernel.fs.directorylister import DirectoryLister, ListedName
from kernel.fs.file import File, FileKindFlag, FileOperations, Whence
from kernel.fs.filedefaults import FileDefaults
from kernel.fs.inode import Dentry
from kernel.fs.iovector import IoVector
from kernel.fs.mode import TYPE_SHIFT, FileType
from pykasm import *

DOT = ord(".")
OWN, PARENT, FIRST_CHILD = 0, 1, 2
"""Positions of `.`, of `..`, and of the entry at place 0 among the children."""


class CachedDirectories(Subsystem):
    """What is done with open directories of file systems that have all names in memory: the entries
    are listed in the order in which they came, and positions stay what they are whatever else comes
    or goes. Context: thread."""

    def __init__(self, defaults: FileDefaults, dentries: Dentries) -> None:
        self.dentries = dentries
        self.operations = rodata(
            FileOperations,
            defaults.table(
                flags=FileKindFlag.STORED, read=self.read, list=self.list, seek=self.seek
            ),
        )

    @function
    def read(self, file: Ptr[File], vector: Ptr[IoVector], position: Ptr[U64]) -> OrErrno[I64]:
        """Directories are listed, not read."""
        ret(-Errno.EISDIR)

    @function(context="thread", sleeps=True)
    def list(self, file: Keep[Ptr[File]], lister: Keep[Ptr[DirectoryLister]]) -> OrErrno[I32]:
        """Tell names as `ListDirectory` says. Returns 0."""
        name, directory = local(ListedName), keep(file.path.dentry)
        asserts(directory != 0)
        with loop():
            break_if(~self.describe(directory, file.position, address_of(name)))
            break_if(~lister.take(lister, address_of(name)))
            mov(rax, name.next)
            mov(file.position, rax)
        ret(0)

    @function(context="thread")
    def describe(
        self, directory: Keep[Ptr[Dentry]], position: Keep[U64], name: Keep[Ptr[ListedName]]
    ) -> Bool:
        """Set `name` to the first one from `position` on. Returns whether there is one."""
        with if_(position >= FIRST_CHILD):
            sub(position, FIRST_CHILD)
            fail_if(~self.dentries.copy_child(directory, position, name))
            add(name.next, FIRST_CHILD)
            ret(True)
        parent = keep(self.dentries.parent_of(directory))
        inode = scratch(directory.inode)
        with if_((parent != 0) & (position == PARENT)):
            mov(inode, parent.inode)
        asserts(inode != 0)
        mov(rax, inode.number)
        mov(name.number, rax)
        with if_(parent != 0):
            self.dentries.drop(parent)
        mov(name.type, FileType.DIRECTORY >> TYPE_SHIFT)
        inc(position)
        mov(name.next, position)
        mov(name.length, position)  # one dot or two
        mov(u16(name.text[0]), DOT << 8 | DOT)
        ret(True)

    @function
    def seek(self, file: Ptr[File], offset: I64, whence: U32) -> OrErrno[I64]:
        """Move the position to one that `list` left, or by 0 from where it is."""
        with if_(whence == Whence.CURRENT):
            add(offset, i64(file.position))
        with elif_(whence != Whence.SET):
            fail(Errno.EINVAL)
        fail_if(offset < 0, Errno.EINVAL)
        mov(file.position, u64(offset))
        ret(offset)
