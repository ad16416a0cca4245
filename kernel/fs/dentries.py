"""The cache of names: which of them lead to what, without asking their file system."""

from __future__ import annotations

from kernel.debug.leakcheck import LeakChecks, leak_check
from kernel.errno import Errno
from kernel.fs.dentrytable import DentryTable
from kernel.fs.directorylister import ListedName
from kernel.fs.inode import Dentry, DentryFlag, FileName, Inode, SuperBlock, SuperBlockFlag
from kernel.fs.inodes import Inodes
from kernel.fs.mode import TYPE_MASK, TYPE_SHIFT
from kernel.fs.namekey import NameKey
from kernel.fs.notices import Notices
from kernel.locks.spinlock import SpinLock
from kernel.mm.heap import Heap
from kernel.mm.slabs import SlabCache, Slabs
from kernel.structures.tree import Trees
from pykasm import *


class Dentries(LeakChecks):
    """All directory entries in memory: made, found, changed and freed. Context: thread.

    `lock` is taken for each step. What it guards is changed in few instructions, so that a sequence
    count beside it can let walks go without.
    """

    lock = bss(SpinLock)
    count = bss(U64)

    def __init__(
        self,
        table: DentryTable,
        slabs: Slabs,
        heap: Heap,
        trees: Trees,
        inodes: Inodes,
        notices: Notices,
    ) -> None:
        self.table = table
        self.heap = heap
        self.trees = trees
        self.inodes = inodes
        self.notices = notices
        self.records = SlabCache(slabs, "directory entry", Dentry)
        self.leak_checks = [leak_check("directory entries", self.used_count)]

    @function
    def used_count(self) -> U64:
        """Return the number of entries in memory."""
        ret(self.count)

    # Making and freeing

    @function
    def create(
        self, superblock: Keep[Ptr[SuperBlock]], key: Keep[Ptr[NameKey]]
    ) -> Owned[OrNull[Ptr[Dentry]]]:
        """Make a negative entry that can't be found yet, for the name and directory of `key`;
        without `parent` a root. Returns null without memory."""
        name = keep(try_(self._copy_name(key)))
        errdefer(self._free_name, name)
        made = scratch(try_(self.records.allocate_zeroed()))
        with unshared(made):
            made.references.start()
            mov(made.superblock, superblock)
            mov(made.name, name)
            parent = scratch(key.parent)
            with if_(parent != 0):
                parent.references.gain()
                mov(made.parent, parent)
        lock.inc(self.count)
        ret(made)

    @function
    def _copy_name(self, key: Keep[Ptr[NameKey]]) -> Owned[OrNull[Ptr[FileName]]]:
        """Return a copy of the name of `key`, or null without memory."""
        size = scratch(key.length)
        add(size, offsetof(FileName, "text") + 1)
        name = scratch(cast(try_(self.heap.allocate(size)), Ptr[FileName]))
        mov(rcx, key.length)
        mov(name.length, rcx)
        mov(rax, key.hash)
        mov(name.hash, rax)
        mov(rsi, key.text)
        lea(rdi, name.text)
        rep.movsb()
        mov(u8[rdi], 0)
        ret(name)

    @function
    def _free_name(self, name: Owned[Ptr[FileName]]) -> None:
        """Free a name."""
        tail(self.heap.free, u64(name))

    @function(context="thread")
    def drop(self, dentry: Keep[Owned[Ptr[Dentry]]]) -> None:
        """Drop a reference to `dentry`; free it with the last one, and its parents for which it
        was that."""
        with loop():
            with if_(~dentry.references.drop()):
                ret()
            mov(dentry, self.free(dentry))
            with if_(dentry == 0):
                ret()

    @function(context="thread")
    def free(self, dentry: Keep[Owned[Ptr[Dentry]]]) -> Owned[OrNull[Ptr[Dentry]]]:
        """Free `dentry`, which nobody has any more and nobody can find. Returns its reference to
        the parent, null at a root."""
        parent = keep(dentry.parent)
        self._free_name(dentry.name)
        inode = keep(dentry.inode)
        with if_(inode != 0):
            # The last who has a file without names ends its watches, too, which keep the inode
            with if_((inode.links == 0) & (self.notices.watch_count != 0)):
                self.notices.forget(inode)
            self.inodes.drop(inode)
        self.records.free(dentry)
        lock.dec(self.count)
        ret(parent)

    # Finding

    @function
    def find(self, key: Ptr[NameKey]) -> Owned[OrNull[Ptr[Dentry]]]:
        """Return a reference to the entry by this `key`, perhaps a negative one; null if there is
        none in memory."""
        key, found = scratch(key), scratch(Ptr[Dentry])
        xor(u32(found), u32(found))
        with self.lock.held():
            bucket = self.table.bucket_of(key.parent, key.hash)
            with bucket.chain.each(Dentry, "bucket", scratch) as dentry:
                is_it = self._is_of(dentry, key)
                with if_(is_it):
                    dentry.references.gain()
                    mov(found, dentry)
                    break_()
        ret(found)

    @inline(changes=(rax, rcx, rsi, rdi))
    def _is_of(self, dentry: Ptr[Dentry], key: Ptr[NameKey]) -> Condition:
        """Return whether `dentry` is what `key` names."""
        name = scratch(dentry.name)
        mov(rax, dentry.parent)
        xor(rax, key.parent)
        mov(rcx, name.hash)
        xor(rcx, key.hash)
        # One comparison for both: letters are compared only where they are the same in all
        # likelihood
        or_(rax, rcx)
        mov(rcx, name.length)
        with if_((rax == 0) & (rcx == key.length)):
            lea(rsi, name.text)
            mov(rdi, key.text)
            # Sets ZF, which `repe` leaves as it is for an empty name
            cmp(rax, rax)
            repe.cmpsb()
            with if_(~ZF):
                inc(eax)
        with else_():
            mov(eax, 1)
        release(name)
        return eax == 0

    @function
    def copy_child(
        self, parent: Keep[Ptr[Dentry]], place: Keep[U64], name: Keep[Ptr[ListedName]]
    ) -> Bool:
        """Describe the first entry of `parent` in memory whose place is `place` or a later one,
        with the place after it in `name.next`. Returns whether there is one."""
        found = keep(U32)
        xor(found, found)
        with self.lock.held():
            node = scratch(self.trees.at_least(address_of(parent.children), place))
            with if_(node != 0):
                inc(found)
                self._copy(container_of(node, Dentry, "sibling"), name)
        ret(found != 0)

    @function(holds="lock")
    def _copy(self, dentry: Ptr[Dentry], name: Ptr[ListedName]) -> None:
        """Describe `dentry`."""
        inode, text, name = scratch(dentry.inode), scratch(dentry.name), scratch(name)
        mov(rax, dentry.sibling.key)
        inc(rax)
        mov(name.next, rax)
        asserts(inode != 0)
        mov(rax, inode.number)
        mov(name.number, rax)
        mov(eax, inode.mode)
        and_(eax, TYPE_MASK)
        shr(eax, TYPE_SHIFT)
        mov(name.type, rax)
        mov(rcx, text.length)
        mov(name.length, rcx)
        lea(rdi, name.text)
        lea(rsi, text.text)
        rep.movsb()

    @function
    def first_child(self, parent: Ptr[Dentry]) -> OrNull[Ptr[Dentry]]:
        """Return the first entry of `parent` in memory, or null. The caller knows that nobody
        removes it meanwhile."""
        found = scratch(Ptr[Dentry])
        with self.lock.held():
            xor(u32(found), u32(found))
            node = scratch(parent.children.first)
            with if_(node != 0):
                mov(found, container_of(node, Dentry, "sibling"))
        ret(found)

    @function
    def parent_of(self, dentry: Ptr[Dentry]) -> Owned[OrNull[Ptr[Dentry]]]:
        """Return a reference to the directory that `dentry` is in, null at a root."""
        parent = scratch(Ptr[Dentry])
        with self.lock.held():
            mov(parent, dentry.parent)
            with if_(parent != 0):
                parent.references.gain()
        ret(parent)

    @function
    def lies_in(self, dentry: OrNull[Ptr[Dentry]], above: Ptr[Dentry]) -> Bool:
        """Return whether `dentry` is `above` or lies in it, at any depth."""
        dentry, above, found = scratch(dentry), scratch(above), scratch(Bool)
        xor(found, found)
        with self.lock.held(), while_(dentry != 0):
            with if_(dentry == above):
                inc(found)
                break_()
            mov(dentry, dentry.parent)
        ret(found)

    @function
    def is_removed(self, dentry: Ptr[Dentry]) -> Bool:
        """Return whether `dentry`, a positive one, has lost its name."""
        superblock = scratch(dentry.superblock)
        ret(
            ((dentry.flags & DentryFlag.HASHED) == 0)
            & (dentry.parent != 0)
            & ((superblock.flags & SuperBlockFlag.UNCACHED) == 0)
        )

    @function
    def write_name(self, dentry: Ptr[Dentry], buffer: Ptr[U8], offset: I64) -> OrErrno[I64]:
        """Write the name of `dentry`, which it may have lost, with a slash before it, into `buffer`
        up to `offset`. Returns where it begins; -ENAMETOOLONG without room."""
        result, dentry, buffer = scratch(offset), scratch(dentry), scratch(buffer)
        with self.lock.held():
            name = scratch(dentry.name)
            sub(u64(result), name.length)
            dec(result)
            with if_(result >= 0):
                mov(buffer[u64(result)], ord("/"))
                lea(rdi, buffer[u64(result)])
                inc(rdi)
                lea(rsi, name.text)
                mov(rcx, name.length)
                rep.movsb()
            with else_():
                mov(result, -Errno.ENAMETOOLONG)
        ret(result)

    # Changing

    @function
    def add(self, dentry: Keep[Ptr[Dentry]]) -> None:
        """Hash `dentry`, if it is not yet. The caller holds the lock of the directory's
        inode, under which nobody else adds the same name."""
        mov(rax, self.count)
        with if_(rax > self.table.count):
            self.table.prepare()
        with self.lock.held(), if_((dentry.flags & DentryFlag.HASHED) == 0):
            dentry.references.gain()
            disown(dentry, "the table has it")
            self._hash(dentry)

    @function(holds="lock")
    def _hash(self, dentry: Keep[Ptr[Dentry]]) -> None:
        """Put `dentry` into the table and among its parent's children, last."""
        mov(rax, self.count)
        with if_(rax > self.table.count):
            self.table.grow()
        name, parent = scratch(dentry.name), scratch(dentry.parent)
        asserts(parent != 0)  # roots are found by their mounts
        bucket = self.table.bucket_of(parent, name.hash)
        link = scratch(address_of(dentry.bucket))
        bucket.chain.prepend(link)
        release(link)
        or_(dentry.flags, DentryFlag.HASHED)
        mov(rax, parent.next_place)
        # Places are never given twice, so that who lists names goes on after the last one that it
        # was told, whatever was removed meanwhile
        inc(parent.next_place)
        mov(dentry.sibling.key, rax)
        self.trees.insert(address_of(parent.children), address_of(dentry.sibling))

    @function(context="thread")
    def remove(self, dentry: Keep[Ptr[Dentry]]) -> None:
        """Unhash `dentry`, if it is hashed. It keeps its inode and its parent for
        those who have it."""
        hashed = keep(U32)
        with self.lock.held():
            mov(hashed, dentry.flags)
            and_(hashed, DentryFlag.HASHED)
            with if_(hashed != 0):
                self._unhash(dentry)
        with if_(hashed != 0):
            # Without the lock: the last reference may free the entry, and those above it
            take_over(dentry, "the table had it")
            tail(self.drop, dentry)

    @function(holds="lock")
    def _unhash(self, dentry: Keep[Ptr[Dentry]]) -> None:
        """Take `dentry` out of the table and from its parent."""
        parent = scratch(dentry.parent)
        asserts(parent != 0)
        dentry.bucket.unlink()
        and_(dentry.flags, ~int(DentryFlag.HASHED))
        self.trees.remove(address_of(parent.children), address_of(dentry.sibling))

    @function(context="thread")
    def move(self, dentry: Keep[Ptr[Dentry]], target: Keep[Ptr[Dentry]]) -> None:
        """Give `dentry` the name and directory of `target`, which can't be found any more then. The
        callers hold the locks of both directories."""
        hashed = keep(U32)
        with self.lock.held():
            mov(hashed, target.flags)
            and_(hashed, DentryFlag.HASHED)
            with if_(hashed != 0):
                self._unhash(target)
            self._unhash(dentry)
            # The target takes the old name along, and frees it with itself
            mov(rax, dentry.name)
            xchg(target.name, rax)
            mov(dentry.name, rax)
            mov(rax, dentry.parent)
            xchg(target.parent, rax)
            mov(dentry.parent, rax)
            self._hash(dentry)
        with if_(hashed != 0):
            take_over(target, "the table had it")
            self.drop(target)

    @function
    def exchange(self, dentry: Keep[Ptr[Dentry]], other: Keep[Ptr[Dentry]]) -> None:
        """Have `dentry` and `other`, which can be found, change names and directories. The callers
        hold the locks of both directories."""
        with self.lock.held():
            self._unhash(dentry)
            self._unhash(other)
            for name in ("name", "parent"):
                mov(rax, getattr(dentry, name))
                xchg(getattr(other, name), rax)
                mov(getattr(dentry, name), rax)
            self._hash(dentry)
            self._hash(other)

    @function
    def set_inode(self, dentry: Ptr[Dentry], inode: Owned[Ptr[Inode]]) -> None:
        """Make `dentry`, a negative entry, that of `inode`."""
        with self.lock.held():
            asserts(dentry.inode == 0)
            mov(dentry.inode, inode)

    @function(exported=True)
    def set_flags(self, dentry: Ptr[Dentry], flags: U32) -> None:
        """Set `flags` of `dentry`."""
        with self.lock.held():
            or_(dentry.flags, flags)

    @function
    def clear_flags(self, dentry: Ptr[Dentry], flags: U32) -> None:
        """Clear `flags` of `dentry`."""
        not_(flags)
        with self.lock.held():
            and_(dentry.flags, flags)
