"""Where file systems are seen."""

from __future__ import annotations

from enum import IntFlag

from kernel.fs.inode import Dentry, SuperBlock
from kernel.structures.list import ListHead
from kernel.structures.refcount import ReferenceCount
from kernel.structures.tree import Tree, TreeNode
from pykasm import *


class MountFlag(IntFlag):
    """What is forbidden in a mount (MS_RDONLY and so on, include/uapi/linux/mount.h)."""

    READ_ONLY = 1 << 0
    NO_SET_USER = 1 << 1
    NO_DEVICES = 1 << 2
    NO_EXECUTE = 1 << 3


class Mount(Struct):
    """A file system, or a part of one, at a place in a mount namespace; Linux's `struct mount`.

    One that is attached has a reference for that. `Mounts.lock` guards where it is.
    """

    references: ReferenceCount = field(freed_by="Mounts.free")
    flags: U32 = field(MountFlag)
    writers: U32
    """Regular files that are open for writing by it."""
    number: U64
    superblock: Owned[Ptr[SuperBlock]]
    root: Owned[Ptr[Dentry]]
    """What is seen at the place."""
    parent: OrNull[Owned[Ptr[Mount]]] = field(guarded_by="Mounts.lock", unlocked_reads=True)
    """Null at the root of a namespace, and where nothing is seen."""
    point: OrNull[Owned[Ptr[Dentry]]] = field(guarded_by="Mounts.lock")
    """The place, an entry in `parent`."""
    place: TreeNode = field(guarded_by="Mounts.lock")
    """In the parent's `children`; the key is the address of `point`."""
    children: Tree = field(guarded_by="Mounts.lock", elements="Mount.place")
    namespace: OrNull[Ptr[MountNamespace]] = field(guarded_by="Mounts.lock", unlocked_reads=True)
    listed: ListHead = field(guarded_by="Mounts.lock")
    """In the mounts of `namespace`."""


class MountNamespace(Struct):
    """What a group of processes sees of all mounts. What is in none can't be named there."""

    references: ReferenceCount = field(freed_by="MountNamespaces.free")
    mounts: ListHead = field(guarded_by="Mounts.lock", elements="Mount.listed")
    """The first one is its root."""
