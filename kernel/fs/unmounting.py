"""Unmounting file systems."""

from __future__ import annotations

from enum import IntFlag

from kernel.errno import Errno
from kernel.fs.inode import Dentry, DentryFlag
from kernel.fs.lookup import Lookup, LookupFlag
from kernel.fs.mount import MountFlag
from kernel.fs.mountrights import MountRights
from kernel.fs.mounts import Mounts
from kernel.fs.mounttrees import UNUSED, MountTrees
from kernel.fs.subject import Subject
from kernel.fs.walk import Walk
from kernel.sync.mutex import Mutexes
from pykasm import *


class UnmountFlag(IntFlag):
    """Of `umount2` (include/linux/fs.h)."""

    FORCE = 1
    """Even if what is kept elsewhere can't be reached; here nothing is."""
    DETACH = 2
    """At once, whoever still uses it."""
    EXPIRE = 4
    """If nobody uses it, and nobody did since it was asked for last."""
    NO_FOLLOW = 8


class Unmounting(Subsystem):
    """What `umount2` does. Context: thread."""

    def __init__(
        self, walk: Walk, mounts: Mounts, trees: MountTrees, rights: MountRights, mutexes: Mutexes
    ) -> None:
        self.walk = walk
        self.mounts = mounts
        self.trees = trees
        self.rights = rights
        self.mutexes = mutexes

    @function(context="thread", sleeps=True)
    def unmount(self, subject: Keep[Ptr[Subject]], name: Ptr[U8], flags: Keep[U32]) -> OrErrno[I32]:
        """Unmount what is mounted at `name`, by `UnmountFlag`s. Returns 0 or an error; -EBUSY while
        it is used, but for DETACH."""
        lookup, result = local(Lookup), keep(I32)
        mov(eax, LookupFlag.FOLLOW | LookupFlag.UNNOTICED)
        with if_(flags & UnmountFlag.NO_FOLLOW):
            mov(eax, LookupFlag.UNNOTICED)
        try_(self.walk.find(address_of(lookup), subject, 0, name, eax))
        mov(result, self.rights.check(subject))
        with if_(result == 0), self.mutexes.held(self.trees.lock):
            mov(result, self._unmount(address_of(lookup), subject, flags))
        self.walk.end(address_of(lookup))
        ret(result)

    @function(context="thread", sleeps=True, holds="trees.lock")
    def _unmount(
        self, lookup: Keep[Ptr[Lookup]], subject: Keep[Ptr[Subject]], flags: Keep[U32]
    ) -> OrErrno[I32]:
        """Unmount the mount whose root the walk has come to."""
        try_(self.rights.check_root(address_of(lookup.place), subject))
        self.walk.need_root(lookup)
        mount = keep(lookup.place.mount)
        asserts(mount != 0)
        with if_(flags & UnmountFlag.EXPIRE):
            fail_if(flags & (UnmountFlag.FORCE | UnmountFlag.DETACH), Errno.EINVAL)
            fail_if(mount == lookup.root.mount, Errno.EINVAL)
            fail_if(mount.references.count != UNUSED, Errno.EBUSY)
            lock.bts(mount.flags, int(MountFlag.EXPIRING).bit_length() - 1)
            fail_if(~CF, Errno.EAGAIN)
        with if_((mount == lookup.root.mount) & ((flags & UnmountFlag.DETACH) == 0)):
            # the root stays, but nothing is written to it any more
            fail_if(~self.mounts.make_read_only(mount.superblock), Errno.EBUSY)
            ret(0)
        fail_if(mount.parent == 0, Errno.EINVAL)
        with if_(flags & UnmountFlag.DETACH):
            self.trees.prune(mount)
            ret(0)
        fail_if(~self.trees.unmount(mount, UNUSED), Errno.EBUSY)
        ret(0)

    @function(context="thread", sleeps=True)
    def free_entry(self, dentry: Keep[Ptr[Dentry]]) -> None:
        """Unmount all that is mounted on `dentry` in any namespace, if it has lost its name."""
        with (
            if_(dentry.flags & DentryFlag.MOUNTED),
            if_(self.mounts.is_lost(dentry)),
            self.mutexes.held(self.trees.lock),
        ):
            self._free_entry(dentry)

    @function(context="thread", sleeps=True, holds="trees.lock")
    def _free_entry(self, dentry: Keep[Ptr[Dentry]]) -> None:
        """Do what `free_entry` does."""
        with loop():
            mount = keep(self.mounts.first_on(dentry))
            break_if(mount == 0)
            self.trees.prune(mount)
            self.mounts.drop(mount)
            release(mount)
