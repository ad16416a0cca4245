"""Where file systems are seen."""

from __future__ import annotations

from enum import IntFlag

from kernel.fs.inode import Dentry, SuperBlock, SuperBlockFlag
from kernel.structures.list import ListHead
from kernel.structures.refcount import ReferenceCount
from kernel.structures.tree import Tree, TreeNode
from pykasm import *


class MountFlag(IntFlag):
    """What is forbidden in a mount, and what is so of it (MS_RDONLY and so on,
    include/uapi/linux/mount.h; those that Linux has no numbers for are above them)."""

    READ_ONLY = 1 << 0
    NO_SET_USER = 1 << 1
    NO_DEVICES = 1 << 2
    NO_EXECUTE = 1 << 3
    NO_SYMLINKS = 1 << 8
    """None is followed."""
    NO_ACCESS_TIMES = 1 << 10
    NO_DIRECTORY_TIMES = 1 << 11
    UNBINDABLE = 1 << 17
    """It can't be seen at another place, too."""
    RELATIVE_TIMES = 1 << 21
    """Times of access are kept if they are older than those of changes."""
    EXPIRING = 1 << 30
    """Nobody has come to it since `umount2` was called with EXPIRE."""
    NEWLY_SHARED = 1 << 31
    """It is shared as of what is going on, and not if that fails."""


class Mount(Struct):
    """A file system, or a part of one, at a place in a mount namespace; Linux's `struct mount`.

    One that is attached has a reference for that. `Mounts.lock` guards where it is, and to which
    others what is mounted below it comes: its peers, and those who follow it (slaves)
    (Documentation/filesystems/sharedsubtree.rst of Linux).
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
    point: OrNull[Owned[Ptr[Dentry]]] = field(guarded_by="Mounts.lock", unlocked_reads=True)
    """The place, an entry in `parent`."""
    place: TreeNode = field(guarded_by="Mounts.lock")
    """In the parent's `children`; the key is the address of `point`."""
    children: Tree = field(guarded_by="Mounts.lock", elements="Mount.place")
    neighbour: ListHead = field(guarded_by="Mounts.lock")
    """In `Dentry.mounts` of `point`."""
    namespace: OrNull[Ptr[MountNamespace]] = field(guarded_by="Mounts.lock", unlocked_reads=True)
    listed: TreeNode = field(guarded_by="Mounts.lock")
    """In the mounts of `namespace`; the key is `number`."""
    sibling: ListHead = field(guarded_by="Mounts.lock")
    """In the mounts of `superblock`."""

    # To which others it passes on what is mounted below it

    group: U64 = field(guarded_by="Mounts.lock", unlocked_reads=True)
    """The number of its peer group; 0 if it is not shared."""
    peers: ListHead = field(guarded_by="Mounts.lock", elements="Mount.peers")
    """The ring of those in the group, which has no head."""
    master: OrNull[Ptr[Mount]] = field(guarded_by="Mounts.lock", unlocked_reads=True)
    """Whom it follows."""
    slaves: ListHead = field(guarded_by="Mounts.lock", elements="Mount.slave")
    """Who follow it."""
    slave: ListHead = field(guarded_by="Mounts.lock")

    # Notes of who changes what is mounted, and so holds `MountTrees.lock`

    copy: OrNull[Ptr[Mount]]
    """The one that was made of it last."""
    offered: OrNull[Ptr[Mount]]
    """What is to be mounted on it."""
    next_target: OrNull[Ptr[Mount]]
    """The next one to which something is passed on; the last one leads to itself."""

    @inline
    def is_read_only(self) -> Condition:
        """Return whether nothing may be written by way of it."""
        superblock = scratch(self.superblock)
        release(superblock)
        return (self.flags & MountFlag.READ_ONLY) | (superblock.flags & SuperBlockFlag.READ_ONLY)


class MountNamespace(Struct):
    """What a group of processes sees of all mounts. What is in none can't be named there."""

    references: ReferenceCount = field(freed_by="MountNamespaces.free")
    number: U32
    """The inode of the file that stands for it."""
    root: OrNull[Ptr[Mount]] = field(guarded_by="Mounts.lock")
    """One of its mounts, that on which all others are."""
    mounts: Tree = field(guarded_by="Mounts.lock", elements="Mount.listed")
    """By their numbers."""
    count: U64 = field(guarded_by="Mounts.lock", unlocked_reads=True)
    """How many these are."""
    next_left: OrNull[Ptr[MountNamespace]] = field(guarded_by="Mounts.lock")
    """Once it is left: the next one that is."""
