"""Mounting and unmounting."""

from __future__ import annotations

from kernel.debug.leakcheck import LeakChecks, leak_check
from kernel.fs.dentries import Dentries
from kernel.fs.inode import Dentry, DentryFlag, SuperBlock
from kernel.fs.mount import Mount, MountNamespace
from kernel.fs.path import Path
from kernel.fs.superblocks import SuperBlocks
from kernel.locks.spinlock import SpinLock
from kernel.mm.slabs import SlabCache, Slabs
from kernel.structures.tree import Trees
from pykasm import *


class Mounts(LeakChecks):
    """All mounts: made, attached, found and detached. Context: thread."""

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

    @function
    def create(
        self, superblock: Keep[Owned[Ptr[SuperBlock]]], flags: Keep[U32]
    ) -> Owned[OrNull[Ptr[Mount]]]:
        """Return a mount of all of a file system, whose reference goes to it; null without memory,
        and the reference is dropped. Nothing sees it yet."""
        errdefer(self.superblocks.drop, superblock)
        mount = scratch(try_(self.records.allocate()))
        mov(rdx, mount)
        mov(rdi, mount)
        xor(eax, eax)
        mov(ecx, sizeof(Mount) // sizeof(U64))
        rep.stosq()
        made = scratch(cast(rdx, Ptr[Mount]))
        made.references.start()
        mov(made.flags, flags)
        mov(made.superblock, superblock)
        root = scratch(superblock.root)
        asserts(root != 0)
        root.references.gain()
        mov(made.root, root)
        mov(eax, 1)
        lock.xadd(self.next_number, rax)
        mov(made.number, rax)
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
        self.dentries.drop(mount.root)
        self.superblocks.drop(mount.superblock)
        self.records.free(mount)
        lock.dec(self.count)

    # Finding

    @function
    def child_at(
        self, mount: Keep[Ptr[Mount]], point: Keep[Ptr[Dentry]]
    ) -> Owned[OrNull[Ptr[Mount]]]:
        """Return a reference to what is mounted on the entry `point` of `mount`, or null."""
        found = keep(Ptr[Mount])
        xor(u32(found), u32(found))
        with self.lock.held():
            node = scratch(self.trees.at_least(address_of(mount.children), u64(point)))
            with if_(node != 0), if_(node.key == u64(point)):
                child = container_of(node, Mount, "place")
                child.references.gain()
                mov(found, child)
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
        mount = scratch(Ptr[Mount])
        with self.lock.held():
            xor(u32(mount), u32(mount))
            with if_(~namespace.mounts.is_empty()):
                first = container_of(scratch(namespace.mounts.next), Mount, "listed")
                first.references.gain()
                mov(mount, first)
        ret(mount)

    @function
    def find_from(self, namespace: Ptr[MountNamespace], number: U64) -> Owned[OrNull[Ptr[Mount]]]:
        """Return a reference to the first mount in `namespace` whose number is `number` or larger,
        or null. They are in the order of numbers."""
        found = scratch(Ptr[Mount])
        with self.lock.held():
            xor(u32(found), u32(found))
            with (
                namespace.mounts.each(Mount, "listed", place=scratch) as mount,
                if_(mount.number >= number),
            ):
                mount.references.gain()
                mov(found, mount)
                break_()
        ret(found)

    @function
    def last_of(self, namespace: Ptr[MountNamespace]) -> OrNull[Ptr[Mount]]:
        """Return the mount that was attached last of those in `namespace`, which nobody else is in;
        null if none is left."""
        mount = scratch(Ptr[Mount])
        with self.lock.held():
            xor(u32(mount), u32(mount))
            with if_(~namespace.mounts.is_empty()):
                mov(mount, container_of(scratch(namespace.mounts.previous), Mount, "listed"))
        ret(mount)

    # Attaching

    @function(exported=True)
    def attach(self, mount: Keep[Owned[Ptr[Mount]]], path: Ptr[Path]) -> None:
        """Attach `mount`, whose reference goes to the namespace, at `path`, on which nothing is
        mounted yet."""
        parent, point = keep(path.mount), keep(path.dentry)
        asserts((parent != 0) & (point != 0))
        self.dentries.set_flags(point, DentryFlag.MOUNTED)
        with self.lock.held():
            parent.references.gain()
            mov(mount.parent, parent)
            point.references.gain()
            mov(mount.point, point)
            inc(point.mounts)
            mov(mount.place.key, u64(point))
            self.trees.insert(address_of(parent.children), address_of(mount.place))
            namespace = scratch(parent.namespace)
            asserts(namespace != 0)
            self._list(mount, namespace)

    @inline(changes=(rax, rcx))
    def _list(self, mount: Ptr[Mount], namespace: Ptr[MountNamespace]) -> None:
        """Put `mount` last among those of `namespace`."""
        mov(mount.namespace, namespace)
        link = scratch(address_of(mount.listed))
        namespace.mounts.append(link)
        release(link)
        disown(mount, "the namespace has it")

    @function
    def attach_root(self, mount: Owned[Ptr[Mount]], namespace: Ptr[MountNamespace]) -> None:
        """Make `mount`, whose reference goes to `namespace`, the root of that, which is empty."""
        with self.lock.held():
            namespace.mounts.reset()
            self._list(mount, namespace)

    @function(context="thread")
    def detach(self, mount: Keep[Ptr[Mount]]) -> None:
        """Detach `mount`, on which nothing is mounted, from its namespace."""
        ignore(self._detach(mount, 0), "it is detached in any case")

    @function(context="thread")
    def detach_unused(self, mount: Ptr[Mount], references: U32) -> Bool:
        """Detach `mount`, if nothing is mounted on it and it has just so many references. Returns
        whether it is detached."""
        tail(self._detach, mount, references)

    @function(context="thread")
    def detach_all(self, mount: Keep[Ptr[Mount]]) -> None:
        """Detach `mount` after all that is mounted on it."""
        leaf = keep(Ptr[Mount])
        with loop():
            mov(leaf, self._leaf_of(mount))
            with if_(leaf == mount):
                tail(self.detach, mount)
            self.detach(leaf)

    @function
    def _leaf_of(self, mount: Ptr[Mount]) -> Ptr[Mount]:
        """Return a mount on which nothing is mounted: `mount`, or one that is mounted on it, or on
        that."""
        leaf = keep(mount)
        with self.lock.held(), loop():
            node = scratch(self.trees.at_least(address_of(leaf.children), 0))
            break_if(node == 0)
            mov(leaf, container_of(node, Mount, "place"))
        ret(leaf)

    @function(context="thread")
    def _detach(self, mount: Keep[Ptr[Mount]], references: Keep[U32]) -> Bool:
        """Detach `mount`; if `references` is not 0, only if it has just so many, and nothing is
        mounted on it. Returns whether it is detached."""
        parent, point, left = keep(OrNull[Ptr[Mount]]), keep(OrNull[Ptr[Dentry]]), local(U32)
        xor(u32(parent), u32(parent))
        xor(u32(point), u32(point))
        with self.lock.held():
            mov(eax, 1)
            with if_(references != 0):
                mov(eax, self._is_unused(mount, references))
            mov(left, eax)
            with if_(eax != 0):
                xor(eax, eax)
                mov(parent, mount.parent)
                mov(mount.parent, rax)
                mov(point, mount.point)
                mov(mount.point, rax)
                mov(mount.namespace, rax)
                mount.listed.unlink()
                with if_(parent != 0):
                    self.trees.remove(address_of(parent.children), address_of(mount.place))
                with if_(point != 0):
                    dec(point.mounts)
                    mov(references, point.mounts)
        with if_(left == 0):
            ret(False)
        with if_(point != 0):
            with if_(references == 0):
                self.dentries.clear_flags(point, DentryFlag.MOUNTED)
            self.dentries.drop(point)
        with if_(parent != 0):
            self.drop(parent)
        take_over(mount, "the namespace had it")
        self.drop(mount)
        ret(True)

    @function(holds="lock")
    def _is_unused(self, mount: Ptr[Mount], references: U32) -> U32:
        """Return 1 if `mount` has just so many references, and nothing is mounted on it."""
        mov(eax, mount.references.count)
        with if_((eax != references) | (mount.children.root != 0)):
            ret(0)
        ret(1)
