"""What processes see of all mounts."""

from __future__ import annotations

from kernel.debug.leakcheck import LeakChecks, leak_check
from kernel.fs.mount import Mount, MountNamespace
from kernel.fs.mounts import Mounts
from kernel.fs.mounttrees import CopyMode, MountTrees
from kernel.fs.path import Path
from kernel.mm.slabs import SlabCache, Slabs
from pykasm import *

FIRST_NUMBER = 0xF000_0000
"""Of a namespace's file: those of other files in memory are smaller (Linux:
PROC_DYNAMIC_FIRST)."""


class MountNamespaces(LeakChecks):
    """Makes, copies and frees mount namespaces. Context: thread."""

    count = bss(U64)
    next_number = bss(U32)
    left = bss(OrNull[Ptr[MountNamespace]], guarded_by="Mounts.lock", unlocked_reads=True)
    """The first of those to which a file had the last reference."""

    def __init__(self, slabs: Slabs, mounts: Mounts, trees: MountTrees) -> None:
        self.mounts = mounts
        self.trees = trees
        self.records = SlabCache(slabs, "mount namespace", MountNamespace)
        self.leak_checks = [leak_check("mount namespaces", self.used_count)]

    @function
    def used_count(self) -> U64:
        """Return the number of namespaces."""
        ret(self.count)

    @function(context="thread")
    def create(self, tree: Keep[Owned[Ptr[Mount]]]) -> Owned[OrNull[Ptr[MountNamespace]]]:
        """Return a namespace of the mounts in `tree`, which is in none; null without memory, and
        that is freed."""
        errdefer(self.trees.discard, tree)
        made = keep(try_(self.records.allocate_zeroed()))
        made.references.start()
        mov(eax, 1)
        lock.xadd(self.next_number, eax)
        add(eax, FIRST_NUMBER)
        mov(made.number, eax)
        self.trees.plant(tree, made)
        lock.inc(self.count)
        ret(made)

    @function(context="thread")
    def copy(self, namespace: Keep[Ptr[MountNamespace]]) -> Owned[OrNull[Ptr[MountNamespace]]]:
        """Return a namespace with copies of all mounts of `namespace`, which these lead to by
        `Mount.copy` while `MountTrees.lock` is held; null without memory."""
        root = keep(self.mounts.first_of(namespace))
        with if_(root == 0):
            ret(0)
        tree = keep(self.trees.copy(root, root.root, CopyMode.NAMESPACE))
        self.mounts.drop(root)
        with if_(tree == 0):
            ret(0)
        tail(self.create, tree)

    @function(context="thread")
    def drop(self, namespace: Owned[Ptr[MountNamespace]]) -> None:
        """Drop a reference to `namespace`."""
        with if_(namespace.references.drop()):
            tail(self.free, namespace)

    @function(context="thread")
    def free(self, namespace: Keep[Owned[Ptr[MountNamespace]]]) -> None:
        """Free `namespace`, which nobody is in any more, with its mounts."""
        with loop():
            mount = keep(self.mounts.find_from(namespace, 0))
            break_if(mount == 0)
            ignore(self.trees.remove(mount, 0), "it is gone in any case")
            self.mounts.drop(mount)
            release(mount)
        self.records.free(namespace)
        lock.dec(self.count)

    @function(context="thread")
    def leave(self, namespace: Owned[Ptr[MountNamespace]]) -> None:
        """Drop a reference to `namespace` where there is no room on the stack to free it, as where
        a file is closed. Who next leaves a place, or changes what is mounted, does that."""
        with if_(namespace.references.drop()):
            namespace = scratch(namespace)
            with self.mounts.lock.held():
                mov(rax, self.left)
                mov(namespace.next_left, rax)
                mov(self.left, namespace)
            disown(namespace, "it is listed")

    @function(context="thread")
    def free_left(self) -> None:
        """Free those that were left."""
        with while_(self.left != 0):
            found = keep(OrNull[Ptr[MountNamespace]])
            with self.mounts.lock.held():
                mov(found, self.left)
                with if_(found != 0):
                    mov(rax, found.next_left)
                    mov(self.left, rax)
            with if_(found != 0):
                take_over(found, "it was listed")
                self.free(found)
            release(found)

    @function
    def get_root(self, namespace: Ptr[MountNamespace], path: Keep[Filled[Ptr[Path]]]) -> None:
        """Make `path`, which is nowhere, a reference to the root of `namespace`."""
        mount = self.mounts.first_of(namespace)
        asserts(mount != 0)
        mov(path.mount, mount)
        root = scratch(mount.root)
        root.references.gain()
        mov(path.dentry, root)
