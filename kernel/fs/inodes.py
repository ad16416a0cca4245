"""The inodes in memory."""

from __future__ import annotations

from kernel.debug.leakcheck import LeakChecks, leak_check
from kernel.fs.credentials import Credentials
from kernel.fs.extendedattribute import ExtendedAttribute
from kernel.fs.inode import Inode, SuperBlock
from kernel.fs.mode import TYPE_MASK, FileType, ModeBit
from kernel.fs.seal import Seal
from kernel.mm.heap import Heap
from kernel.mm.slabs import SlabCache, Slabs
from kernel.time.wallclock import WallClock
from pykasm import *


class Inodes(LeakChecks):
    """Makes inodes, and frees those that nobody has any more. Context: thread."""

    count = bss(U64)
    next_generation = bss(U32)

    def __init__(self, slabs: Slabs, heap: Heap, clock: WallClock) -> None:
        self.heap = heap
        self.clock = clock
        self.records = SlabCache(slabs, "inode", Inode)
        self.leak_checks = [leak_check("inodes", self.used_count)]

    @function
    def used_count(self) -> U64:
        """Return the number of inodes in memory."""
        ret(self.count)

    @function
    def create(
        self, superblock: Keep[Ptr[SuperBlock]], mode: Keep[U32]
    ) -> Owned[OrNull[Ptr[Inode]]]:
        """Make an inode of a file system, with a number of its own, no name yet, and the present
        time for all times; null without memory, or if the file system has as many as it may. What
        it does is up to the caller."""
        with if_(~self._count(superblock)):
            ret(0)
        inode = keep(self.records.allocate())
        with if_(inode == 0):
            lock.dec(superblock.inodes)
            ret(0)
        zero(inode)
        inode.references.start()
        with unshared(inode):
            inode.pages.mappers.reset()
        mov(inode.mode, mode)
        mov(inode.seals, Seal.SEAL)
        mov(inode.superblock, superblock)
        mov(eax, 1)
        lock.xadd(superblock.next_number, rax)
        mov(inode.number, rax)
        mov(eax, 1)
        lock.xadd(self.next_generation, eax)
        mov(inode.generation, eax)
        lock.inc(self.count)
        now = self.clock.now()
        for time in (inode.accessed, inode.modified, inode.changed):
            mov(u64(time), now)
        ret(inode)

    @function
    def _count(self, superblock: Ptr[SuperBlock]) -> Bool:
        """Count one more inode of a file system. Returns whether it may have that."""
        mov(eax, 1)
        lock.xadd(superblock.inodes, rax)
        with if_(rax >= superblock.most_inodes):
            lock.dec(superblock.inodes)
            ret(False)
        ret(True)

    @function
    def set_owner(
        self, inode: Ptr[Inode], directory: Ptr[Inode], credentials: Ptr[Credentials]
    ) -> None:
        """Make a new inode that of who has `credentials`, in `directory`. Where that has
        SET_GROUP, its group is inherited, and the bit by directories."""
        mov(eax, credentials.fs_user)
        mov(inode.user, eax)
        mov(eax, credentials.fs_group)
        with if_(directory.mode & ModeBit.SET_GROUP):
            mov(ecx, inode.mode)
            and_(ecx, TYPE_MASK)
            with if_(ecx == FileType.DIRECTORY):
                or_(inode.mode, ModeBit.SET_GROUP)
            mov(eax, directory.group)
        mov(inode.group, eax)

    @function
    def touch(self, inode: Keep[Ptr[Inode]]) -> None:
        """Note that the contents of `inode` change now."""
        now = self.clock.now()
        mov(u64(inode.modified), now)
        mov(u64(inode.changed), now)

    @function
    def touch_attributes(self, inode: Keep[Ptr[Inode]]) -> None:
        """Note that what is known of `inode` changes now."""
        now = self.clock.now()
        mov(u64(inode.changed), now)

    @function(context="thread")
    def drop(self, inode: Owned[Ptr[Inode]]) -> None:
        """Drop a reference to `inode`."""
        with if_(inode.references.drop()):
            tail(self.free, inode)

    @function(context="thread")
    def free(self, inode: Keep[Owned[Ptr[Inode]]]) -> None:
        """Free `inode`, which nobody has any more, with what its file system keeps of it."""
        superblock = keep(inode.superblock)
        operations = scratch(superblock.operations)
        operations.evict(inode)
        text = scratch(inode.text)
        with if_(text != 0):
            self.heap.free(u64(text))
        self._free_extended(inode)
        self.records.free(inode)
        lock.dec(superblock.inodes)
        lock.dec(self.count)

    @function
    def _free_extended(self, inode: Keep[Ptr[Inode]]) -> None:
        """Free the extended attributes of `inode`, which nobody has any more."""
        with (
            unshared(inode),
            if_(inode.extended.next != 0),
            inode.extended.each_removable(ExtendedAttribute, "link") as one,
        ):
            take_over(one, "the inode had it")
            self.heap.free(u64(one))
