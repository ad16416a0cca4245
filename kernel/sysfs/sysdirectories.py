"""The directories of sysfs."""

from __future__ import annotations

from kernel.fs.cacheddirectories import CachedDirectories
from kernel.fs.directorylister import DirectoryLister, ListedName
from kernel.fs.file import File, FileOperations
from kernel.fs.filedefaults import FileDefaults
from kernel.fs.inode import Inode
from kernel.fs.mode import TYPE_MASK, TYPE_SHIFT
from kernel.sysfs.sysnode import SysNode
from kernel.sysfs.systree import SysTree
from pykasm import *

FIRST_CHILD = 2
"""The least position that a child has, behind `.` and `..`; no place is less."""


class SysDirectories(Subsystem):
    """Lists names in the order in which they were added. Context: thread."""

    def __init__(self, defaults: FileDefaults, cached: CachedDirectories, tree: SysTree) -> None:
        self.cached = cached
        self.tree = tree
        self.operations = rodata(
            FileOperations,
            defaults.table(read=cached.read, list=self.list, seek=cached.seek),
        )

    @function(context="thread", sleeps=True)
    def list(self, file: Keep[Ptr[File]], lister: Keep[Ptr[DirectoryLister]]) -> OrErrno[I32]:
        """Tell names as `ListDirectory` says. Returns 0."""
        name = local(ListedName)
        with loop():
            with if_(file.position < FIRST_CHILD):
                dentry = scratch(file.path.dentry)
                asserts(dentry != 0)
                break_if(~self.cached.describe(dentry, file.position, address_of(name)))
            with else_():
                break_if(~self._describe(file.inode, file.position, address_of(name)))
            break_if(~lister.take(lister, address_of(name)))
            mov(rax, name.next)
            mov(file.position, rax)
        ret(0)

    @function(context="thread")
    def _describe(self, directory: Ptr[Inode], position: U64, name: Keep[Ptr[ListedName]]) -> Bool:
        """Set `name` to the first one from `position` on. Returns whether there is one."""
        place = scratch(cast(scratch(directory.private), Ptr[SysNode]))
        node = keep(try_(self.tree.next(place, position)))
        mov(rax, node.place)
        inc(rax)
        mov(name.next, rax)
        mov(rax, node.number)
        mov(name.number, rax)
        mov(eax, node.mode)
        and_(eax, TYPE_MASK)
        shr(eax, TYPE_SHIFT)
        mov(name.type, rax)
        source, length = scratch(node.name), scratch(U64)
        xor(u32(length), u32(length))
        with loop():
            mov(al, source[length])
            break_if(al == 0)
            mov(name.text[length], al)
            inc(length)
        mov(name.length, length)
        ret(True)
