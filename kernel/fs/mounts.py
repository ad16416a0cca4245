"""Where file systems are seen: the records of that, and how they hang together."""

from __future__ import annotations

from kernel.debug.leakcheck import LeakChecks, leak_check
from kernel.fs.dentries import Dentries
from kernel.fs.inode import (
    Dentry,
    DentryFlag,
    SuperBlock,
    SuperBlockFlag,
    SuperBlockOperations,
)
from kernel.fs.mount import Mount, MountFlag, MountNamespace
from kernel.fs.path import Path
from kernel.fs.superblocks import SuperBlocks
from kernel.locks.spinlock import SpinLock
from kernel.mm.slabs import SlabCache, Slabs
from kernel.structures.tree import Trees
from pykasm import *

MOST_MOUNTS = 100_000
"""Of a namespace (Linux: /proc/sys/fs/mount-max)."""

OF_PLACES = ~int(MountFlag.EXPIRING | MountFlag.NEWLY_SHARED) & 0xFFFF_FFFF
"""The flags of a mount that a copy of it has, too."""


class Mounts(LeakChecks):
    """All mounts: made, attached, found and detached, one by one. Context: thread."""

    lock = bss(SpinLock)
    count = bss(U64)
    next_number = bss(U64)

    def __init__(
        self, slabs: Slabs, trees: Trees, superblocks: SuperBlocks, dentries: Dentries
    ) -> None:
        self.trees = trees
        self.superblocks = superblocks
        self.dentries = dentries
        self.records = SlabCache(slabs, "mount", Mount)
        self.leak_checks = [leak_check("mounts", self.used_count)]

    @function
    def used_count(self) -> U64:
        """Return the number of mounts."""
        ret(self.count)

    # Making and freeing

    @function
    def create(
        self, superblock: Keep[Owned[Ptr[SuperBlock]]], flags: Keep[U32]
    ) -> Owned[OrNull[Ptr[Mount]]]:
        """Return a mount of all of a file system, whose reference goes to it; null without memory,
        and the reference is dropped. Nothing sees it yet."""
        errdefer(self.superblocks.drop, superblock)
        root = scratch(superblock.root)
        asserts(root != 0)
        made = try_(self._make(superblock, root, flags))
        disown(superblock, "the mount has it")
        ret(made)

    @function(context="thread", sleeps=True)
    def create_internal(
        self, operations: Ptr[SuperBlockOperations], mode: U32
    ) -> Owned[Ptr[Mount]]:
        """Return the mount of a new file system that is seen nowhere, whose root has a `mode`.
        Context: the thread that starts the kernel."""
        mount = self._create_internal(operations, mode)
        asserts(mount != 0)  # the kernel does not start with so little memory
        ret(mount)

    @function(context="thread", sleeps=True)
    def _create_internal(
        self, operations: Ptr[SuperBlockOperations], mode: Keep[U32]
    ) -> Owned[OrNull[Ptr[Mount]]]:
        """Do what `create_internal` does; null without memory."""
        superblock = keep(try_(self.superblocks.create(operations)))
        errdefer(self.superblocks.drop, superblock)
        root = try_(self.dentries.inodes.create(superblock, mode))
        fail_if(self.superblocks.set_root(superblock, root) != 0)
        ret(self.create(superblock, 0))

    @function
    def clone(self, mount: Keep[Ptr[Mount]], root: Keep[Ptr[Dentry]]) -> Owned[OrNull[Ptr[Mount]]]:
        """Return a mount like `mount` that shows what is at `root`, which nothing sees yet and
        which has to do with no other; null without memory."""
        flags, superblock = scratch(mount.flags), scratch(mount.superblock)
        and_(flags, OF_PLACES)
        made = try_(self._make(superblock, root, flags))
        superblock = scratch(mount.superblock)
        # Only once there is a mount to have it; `mount` keeps it from going until then
        superblock.references.gain()
        disown(superblock, "the mount has it")
        ret(made)

    @function
    def _make(
        self, superblock: Keep[Ptr[SuperBlock]], root: Keep[Ptr[Dentry]], flags: Keep[U32]
    ) -> Owned[OrNull[Ptr[Mount]]]:
        """Return a mount of `superblock`, to which the caller has a reference that it gives to the
        mount; null without memory."""
        made = keep(try_(self.records.allocate_zeroed()))
        made.references.start()
        mov(made.flags, flags)
        root.references.gain()
        mov(made.root, root)
        mov(eax, 1)
        lock.xadd(self.next_number, rax)
        inc(rax)
        mov(made.number, rax)
        for head in (made.peers, made.slaves, made.slave):
            with unshared(made):
                head.reset()
        with self.lock.held():
            link = scratch(address_of(made.sibling))
            # Who makes the file system read-only counts writers by this list
            superblock.mounts.append(link)
            release(link)
        take_over(superblock, "it is the caller's")
        mov(made.superblock, superblock)
        lock.inc(self.count)
        ret(made)

    @function(context="thread")
    def drop(self, mount: Owned[Ptr[Mount]]) -> None:
        """Drop a reference to `mount`."""
        with if_(mount.references.drop()):
            tail(self.free, mount)

    @function(context="thread")
    def free(self, mount: Keep[Owned[Ptr[Mount]]]) -> None:
        """Free `mount`, which is attached nowhere and which nobody uses."""
        with self.lock.held():
            mount.sibling.unlink()
        self.dentries.drop(mount.root)
        # After the root, whose entry and inode are of this file system
        self.superblocks.drop(mount.superblock)
        self.records.free(mount)
        lock.dec(self.count)

    # Finding

    @function(holds="lock")
    def _child_of(self, mount: Ptr[Mount], point: Keep[Ptr[Dentry]]) -> OrNull[Ptr[Mount]]:
        """Return what is mounted on the entry `point` of `mount`, or null."""
        node = scratch(self.trees.at_least(address_of(mount.children), u64(point)))
        with if_(node != 0), if_(node.key == u64(point)):
            ret(container_of(node, Mount, "place"))
        ret(0)

    @function
    def child_at(
        self, mount: Keep[Ptr[Mount]], point: Keep[Ptr[Dentry]]
    ) -> Owned[OrNull[Ptr[Mount]]]:
        """Return a reference to what is mounted on the entry `point` of `mount`, or null."""
        found = keep(Ptr[Mount])
        with self.lock.held():
            mov(found, self._child_of(mount, point))
            with if_(found != 0):
                found.references.gain()
        ret(found)

    @function
    def point_of(self, mount: Ptr[Mount], path: Ptr[Path]) -> Bool:
        """Set `path`, which is nowhere yet, to where `mount` is attached. Returns whether it is
        attached to another mount."""
        attached = scratch(Bool)
        xor(attached, attached)
        with self.lock.held():
            parent, point = scratch(mount.parent), scratch(mount.point)
            with if_((parent != 0) & (point != 0)):
                parent.references.gain()
                mov(path.mount, parent)
                point.references.gain()
                mov(path.dentry, point)
                inc(attached)
        ret(attached)

    @function
    def first_of(self, namespace: Ptr[MountNamespace]) -> Owned[OrNull[Ptr[Mount]]]:
        """Return a reference to the root mount of `namespace`; null if it has none."""
        mount = scratch(OrNull[Ptr[Mount]])
        with self.lock.held():
            mov(mount, namespace.root)
            with if_(mount != 0):
                mount.references.gain()
        ret(mount)

    @function
    def find_from(
        self, namespace: Keep[Ptr[MountNamespace]], number: Keep[U64]
    ) -> Owned[OrNull[Ptr[Mount]]]:
        """Return a reference to the first mount in `namespace` whose number is `number` or larger,
        or null."""
        found = keep(Ptr[Mount])
        xor(u32(found), u32(found))
        with self.lock.held():
            node = scratch(self.trees.at_least(address_of(namespace.mounts), number))
            with if_(node != 0):
                mount = container_of(node, Mount, "listed")
                mount.references.gain()
                mov(found, mount)
        ret(found)

    @function
    def is_mounted_in(self, dentry: Ptr[Dentry], namespace: Ptr[MountNamespace]) -> Bool:
        """Return whether something is mounted on `dentry` in `namespace`."""
        dentry, namespace, found = scratch(dentry), scratch(namespace), scratch(Bool)
        xor(found, found)
        # Most entries never had a mount, and take no lock here
        with if_(dentry.mounts.next == 0):
            ret(False)
        with (
            self.lock.held(),
            dentry.mounts.each(Mount, "neighbour", scratch) as mount,
            if_(mount.namespace == namespace),
        ):
            inc(found)
            break_()
        ret(found)

    @function
    def first_on(self, dentry: Ptr[Dentry]) -> Owned[OrNull[Ptr[Mount]]]:
        """Return a reference to something that is mounted on `dentry`, or null."""
        found, dentry = scratch(Ptr[Mount]), scratch(dentry)
        with self.lock.held():
            xor(u32(found), u32(found))
            with if_(dentry.mounts.next != 0), if_(~dentry.mounts.is_empty()):
                mount = container_of(scratch(dentry.mounts.next), Mount, "neighbour")
                mount.references.gain()
                mov(found, mount)
        ret(found)

    @function
    def lies_below(self, place: Ptr[Path], root: Ptr[Path]) -> Bool:
        """Return whether `place` is `root` or lies below it."""
        mount, dentry, root = scratch(place.mount), scratch(place.dentry), scratch(root)
        # Under one lock all the way up, or a mount that moves meanwhile would mislead
        with self.lock.held(), while_((mount != 0) & (mount != root.mount)):
            mov(dentry, mount.point)
            mov(mount, mount.parent)
        above = scratch(root.dentry)
        with if_((mount == 0) | (above == 0)):
            ret(False)
        tail(self.dentries.lies_in, dentry, above)

    # Attaching

    @function(holds="lock")
    def attach(
        self, mount: Keep[Ptr[Mount]], parent: Keep[Ptr[Mount]], point: Keep[Ptr[Dentry]]
    ) -> None:
        """Attach `mount`, which is nowhere, to the entry `point` of `parent`. What is mounted there
        already comes to lie on the root of `mount`."""
        above = keep(self._child_of(parent, point))
        with if_(above == 0):
            parent.references.gain()
            mov(mount.parent, parent)
            point.references.gain()
            mov(mount.point, point)
        with else_():
            # By its old place, which it is found by
            self._take_out(above)
            self._exchange_place(above, mount)
            self._put_in(above)
        tail(self._put_in, mount)

    @inline(changes=rax)
    def _exchange_place(self, above: Ptr[Mount], mount: Ptr[Mount]) -> None:
        """Give `mount` the place of `above`, and that one on the root of `mount`."""
        lower, root = scratch(mount), scratch(mount.root)
        lower.references.gain()
        xchg(above.parent, lower)
        mov(mount.parent, lower)
        root.references.gain()
        xchg(above.point, root)
        mov(mount.point, root)
        release(lower, root)

    @function(holds="lock")
    def _put_in(self, mount: Keep[Ptr[Mount]]) -> None:
        """Have `mount` be found where it says that it is."""
        parent, point = scratch(mount.parent), keep(mount.point)
        asserts((parent != 0) & (point != 0))
        mov(mount.place.key, u64(point))
        self.trees.insert(address_of(parent.children), address_of(mount.place))
        # Made when first needed: an entry has room for a list, but is all zero
        with if_(point.mounts.next == 0):
            point.mounts.reset()
        link = scratch(address_of(mount.neighbour))
        point.mounts.append(link)
        release(link)
        # Last: walks look for a mount only where it is set
        tail(self.dentries.set_flags, point, DentryFlag.MOUNTED)

    @function(holds="lock")
    def _take_out(self, mount: Keep[Ptr[Mount]]) -> None:
        """Have `mount` not be found where it says that it is."""
        parent, point = scratch(mount.parent), keep(mount.point)
        asserts((parent != 0) & (point != 0))
        self.trees.remove(address_of(parent.children), address_of(mount.place))
        mount.neighbour.unlink()
        # Other namespaces may have something there as well
        with if_(point.mounts.is_empty()):
            self.dentries.clear_flags(point, DentryFlag.MOUNTED)

    @function
    def is_lost(self, point: Ptr[Dentry]) -> Bool:
        """Return whether nothing can be mounted on `point` any more, as it has lost its name."""
        ret(((point.flags & DentryFlag.HASHED) == 0) & (point.parent != 0))

    @function(holds="lock")
    def enlist(self, mount: Keep[Ptr[Mount]], namespace: Keep[Ptr[MountNamespace]]) -> None:
        """Put `mount`, whose first reference goes there, among those of `namespace`."""
        mov(mount.namespace, namespace)
        mov(rax, mount.number)
        mov(mount.listed.key, rax)
        inc(namespace.count)
        self.trees.insert(address_of(namespace.mounts), address_of(mount.listed))

    @function(holds="lock")
    def delist(self, mount: Keep[Ptr[Mount]]) -> Bool:
        """Take `mount` from those of its namespace. Returns whether it was there, and the reference
        is the caller's then."""
        namespace = scratch(mount.namespace)
        with if_(namespace == 0):
            ret(False)
        mov(mount.namespace, 0)
        dec(namespace.count)
        with if_(namespace.root == mount):
            # Who looks for the root finds none, and not one that goes
            mov(namespace.root, 0)
        self.trees.remove(address_of(namespace.mounts), address_of(mount.listed))
        ret(True)

    @function(holds="lock")
    def detach(self, mount: Keep[Ptr[Mount]], place: Keep[Ptr[Path]]) -> None:
        """Take `mount` from where it is attached, if it is: the references to that go to `place`,
        which is nowhere."""
        with if_(mount.parent != 0):
            self._take_out(mount)
            self._swap_place(mount, place)

    @function(holds="lock")
    def pull_out(self, mount: Keep[Ptr[Mount]], place: Keep[Ptr[Path]]) -> None:
        """Do what `detach` does; what is mounted on the root of `mount` comes to its place."""
        above = keep(self._child_of(mount, mount.root))
        self.detach(mount, place)
        with if_((above != 0) & (place.mount != 0)):
            self._take_out(above)
            self._swap_place(above, place)
            self._put_in(above)

    @inline(changes=rax)
    def _swap_place(self, mount: Ptr[Mount], place: Ptr[Path]) -> None:
        """Exchange the place of `mount` with `place`."""
        mov(rax, place.mount)
        xchg(mount.parent, rax)
        mov(place.mount, rax)
        mov(rax, place.dentry)
        xchg(mount.point, rax)
        mov(place.dentry, rax)

    # What may be done in it

    @function
    def make_read_only(self, superblock: Keep[Ptr[SuperBlock]]) -> Bool:
        """Make `superblock` read-only unless files are open for writing there. Returns whether it
        is."""
        old = keep(superblock.flags)
        # Who opens counts itself first and looks at the flag then, so one of the two sees the other
        lock.or_(superblock.flags, SuperBlockFlag.READ_ONLY)  # before the look at who writes
        with if_(self._count_writers(superblock) != 0):
            mov(superblock.flags, old)
        ret(superblock.flags & SuperBlockFlag.READ_ONLY)

    @function
    def _count_writers(self, superblock: Ptr[SuperBlock]) -> U64:
        """Return how many files of `superblock` are open for writing, by whichever mounts."""
        superblock, total = scratch(superblock), scratch(U64)
        xor(u32(total), u32(total))
        with self.lock.held(), superblock.mounts.each(Mount, "sibling", scratch) as mount:
            mov(eax, mount.writers)
            add(total, rax)
        ret(total)
