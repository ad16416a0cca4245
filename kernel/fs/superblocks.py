"""File systems in use."""

from __future__ import annotations

from kernel.debug.leakcheck import LeakChecks, leak_check
from kernel.errno import Errno
from kernel.fs.dentries import Dentries
from kernel.fs.inode import Dentry, Inode, SuperBlock, SuperBlockOperations
from kernel.fs.namekey import NameKey
from kernel.fs.notices import Notices
from kernel.mm.slabs import SlabCache, Slabs
from pykasm import *

FIRST_INODE = 1
"""Number of the first inode of a file system."""


class SuperBlocks(LeakChecks):
    """Makes file systems ready for use, and lets go of them. Context: thread."""

    count = bss(U64)
    next_device = bss(U64)

    def __init__(self, slabs: Slabs, dentries: Dentries, notices: Notices) -> None:
        self.dentries = dentries
        self.notices = notices
        self.records = SlabCache(slabs, "superblock", SuperBlock)
        self.kinds: list[str] = []
        """The names of all kinds of file systems, which these add."""
        self.leak_checks = [leak_check("file systems", self.used_count)]

    @function
    def used_count(self) -> U64:
        """Return the number of file systems in use."""
        ret(self.count)

    @function
    def create(self, operations: Keep[Ptr[SuperBlockOperations]]) -> Owned[OrNull[Ptr[SuperBlock]]]:
        """Return a file system without a root, and with a device number of its own; null without
        memory."""
        made = scratch(try_(self.records.allocate_zeroed()))
        made.references.start()
        with unshared(made):
            made.mounts.reset()
        mov(made.operations, operations)
        copy_fields(made, operations, "kind", "magic", "flags")
        mov(made.next_number, FIRST_INODE)
        mov(made.most_pages, -1)
        mov(made.most_inodes, -1)
        mov(eax, 1)
        lock.xadd(self.next_device, rax)
        inc(rax)
        mov(made.device, rax)
        lock.inc(self.count)
        ret(made)

    @function
    def set_root(
        self, superblock: Keep[Ptr[SuperBlock]], inode: Keep[Owned[Ptr[Inode]]]
    ) -> OrErrno[I32]:
        """Make `inode`, a directory, the root of a new file system. Returns 0 or -ENOMEM."""
        key = local(NameKey)
        errdefer(self.dentries.inodes.drop, inode)
        mov(key.parent, 0)
        mov(key.text, text("/"))
        mov(key.length, 1)
        mov(key.hash, 0)
        root = keep(try_(self.dentries.create(superblock, address_of(key)), Errno.ENOMEM))
        self.dentries.set_inode(root, inode)
        mov(superblock.root, root)
        ret(0)

    @function(context="thread")
    def drop(self, superblock: Owned[Ptr[SuperBlock]]) -> None:
        """Drop a reference to `superblock`."""
        with if_(superblock.references.drop()):
            tail(self.free, superblock)

    @function(context="thread")
    def free(self, superblock: Keep[Owned[Ptr[SuperBlock]]]) -> None:
        """Free `superblock`, which is mounted nowhere any more, and all of it in memory."""
        root = keep(superblock.root)
        self.notices.unmount(superblock)
        with if_(root != 0):
            self._remove_entries(root)
            self.dentries.drop(root)
        asserts(superblock.inodes == 0)  # nobody has anything open here
        self.records.free(superblock)
        lock.dec(self.count)

    @function(context="thread")
    def _remove_entries(self, root: Keep[Ptr[Dentry]]) -> None:
        """Remove all entries below `root`, from the leaves on."""
        dentry = keep(Ptr[Dentry])
        mov(dentry, root)
        with loop():
            child = self.dentries.first_child(dentry)
            with if_(child != 0):
                mov(dentry, child)
                continue_()
            break_if(dentry == root)
            parent = keep(dentry.parent)
            self.dentries.remove(dentry)
            asserts(parent != 0)  # only the root has none
            mov(dentry, parent)
            release(parent)
