"""Mounting file systems, and unmounting them."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntFlag

from kernel.errno import Errno
from kernel.fs.credentials import CapabilityBit
from kernel.fs.filesystem import FileSystem
from kernel.fs.inode import DentryFlag, SuperBlock, is_type
from kernel.fs.inodelocks import InodeLocks
from kernel.fs.lookup import Lookup, LookupFlag
from kernel.fs.mode import FileType
from kernel.fs.mount import Mount, MountFlag
from kernel.fs.mounts import Mounts
from kernel.fs.subject import Subject
from kernel.fs.walk import Walk
from kernel.sync.mutex import Mutex, Mutexes
from kernel.text.strings import Strings
from pykasm import *


class MountRequest(IntFlag):
    """What `mount` is asked for besides `MountFlag`s (include/uapi/linux/mount.h)."""

    SYNCHRONOUS = 1 << 4
    REMOUNT = 1 << 5
    NO_ACCESS_TIMES = 1 << 10
    NO_DIRECTORY_TIMES = 1 << 11
    BIND = 1 << 12
    RECURSIVE = 1 << 14
    SILENT = 1 << 15
    PRIVATE = 1 << 18
    RELATIVE_TIMES = 1 << 21
    STRICT_TIMES = 1 << 24
    LAZY_TIMES = 1 << 25


MOUNT_FLAGS = (
    MountFlag.READ_ONLY | MountFlag.NO_SET_USER | MountFlag.NO_DEVICES | MountFlag.NO_EXECUTE
)

WITHOUT_EFFECT = (
    MountRequest.SYNCHRONOUS
    | MountRequest.NO_ACCESS_TIMES
    | MountRequest.NO_DIRECTORY_TIMES
    | MountRequest.SILENT
    | MountRequest.RELATIVE_TIMES
    | MountRequest.STRICT_TIMES
    | MountRequest.LAZY_TIMES
)
"""What there is in memory is there at once, and nobody is told who reads it when."""

KNOWN = int(MOUNT_FLAGS | WITHOUT_EFFECT | MountRequest.REMOUNT)


class UnmountFlag(IntFlag):
    """Of `umount2` (include/linux/fs.h)."""

    FORCE = 1
    DETACH = 2
    """At once, whoever still uses it."""
    NO_FOLLOW = 8


UNUSED = 2
"""References to a mount that nobody uses: the namespace's, and that of who looks."""


class Mounting(Subsystem):
    """What `mount` and `umount2` do. Binding, moving and sharing of mounts are not there. Context:
    thread."""

    def __init__(
        self,
        walk: Walk,
        mounts: Mounts,
        locks: InodeLocks,
        mutexes: Mutexes,
        strings: Strings,
        kinds: Sequence[FileSystem],
    ) -> None:
        self.walk = walk
        self.mounts = mounts
        self.locks = locks
        self.mutexes = mutexes
        self.strings = strings
        self.kinds = kinds
        self.lock = bss(Mutex)
        """Held by who changes what is mounted."""

    # Mounting

    @function(context="thread", sleeps=True)
    def mount(
        self,
        subject: Keep[Ptr[Subject]],
        name: Ptr[U8],
        kind: Keep[OrNull[Ptr[U8]]],
        flags: Keep[U32],
        options: Keep[Ptr[U8]],
    ) -> OrErrno[I32]:
        """Mount a new file system of a `kind` on the directory `name` by `MountFlag`s and
        `MountRequest`s; or with REMOUNT, change the flags of what is mounted there. Returns 0 or an
        error."""
        lookup, result = local(Lookup), keep(I32)
        try_(self.walk.find(address_of(lookup), subject, 0, name, LookupFlag.FOLLOW))
        mov(result, self._check(subject, flags))
        with if_(result == 0), self.mutexes.held(self.lock):
            self.walk.go_down(address_of(lookup))  # somebody may have been faster
            with if_(flags & MountRequest.REMOUNT):
                mov(result, self._remount(address_of(lookup), flags, options))
            with elif_(kind == 0):
                mov(result, -Errno.EINVAL)
            with else_():
                mov(result, self._mount(address_of(lookup), subject, kind, flags, options))
        self.walk.end(address_of(lookup))
        ret(result)

    @function
    def _check(self, subject: Ptr[Subject], flags: U32) -> OrErrno[I32]:
        """Return 0 if `subject` may mount, and what is asked for can be done; or an error."""
        credentials = scratch(subject.credentials)
        fail_if((credentials.effective & (1 << CapabilityBit.SYS_ADMIN)) == 0, Errno.EPERM)
        fail_if(flags & (~KNOWN & 0xFFFF_FFFF), Errno.EINVAL)
        ret(0)

    @function(context="thread", sleeps=True)
    def _remount(self, lookup: Ptr[Lookup], flags: Keep[U32], options: Ptr[U8]) -> OrErrno[I32]:
        """Change the flags of the mount whose root the walk has come to, and what `options` say of
        its file system. Returns 0, -EINVAL; or -EBUSY if it can't become read-only, as files are
        open for writing."""
        mount, options = keep(lookup.place.mount), scratch(options)
        asserts(mount != 0)
        mov(rax, lookup.place.dentry)
        fail_if(rax != mount.root, Errno.EINVAL)
        superblock = scratch(mount.superblock)
        operations = scratch(superblock.operations)
        try_(operations.configure(superblock, options))
        and_(flags, MOUNT_FLAGS)
        with if_(flags & MountFlag.READ_ONLY):
            fail_if(~self._forbid_writing(mount), Errno.EBUSY)
        mov(mount.flags, flags)
        ret(0)

    @inline(changes=rax)
    def _forbid_writing(self, mount: Ptr[Mount]) -> Condition:
        """Make `mount` read-only unless files are open for writing. Returns whether it is. Context:
        under the lock, so that nobody else changes its flags."""
        mov(eax, mount.flags)
        lock.or_(mount.flags, MountFlag.READ_ONLY)  # before the look at who writes
        with if_(mount.writers != 0):
            mov(mount.flags, eax)
        return mount.flags & MountFlag.READ_ONLY

    @function(context="thread", sleeps=True)
    def _mount(
        self,
        lookup: Keep[Ptr[Lookup]],
        subject: Ptr[Subject],
        kind: Ptr[U8],
        flags: Keep[U32],
        options: Ptr[U8],
    ) -> OrErrno[I32]:
        """Mount a new file system where the walk has come to."""
        context, mount = scratch(subject.context), scratch(lookup.place.mount)
        asserts(mount != 0)
        mov(rax, context.namespace)
        fail_if(rax != mount.namespace, Errno.EINVAL)
        failed, created = self._create(kind, options)
        superblock = scratch(created)
        with if_(superblock == 0):
            ret(failed)
        ignore(failed, "there is one")
        and_(flags, MOUNT_FLAGS)
        made = try_(self.mounts.create(superblock, flags), Errno.ENOMEM)
        tail(self._attach, lookup, made)

    @function(context="thread", sleeps=True)
    def _create(
        self, kind: Keep[Ptr[U8]], options: Keep[Ptr[U8]]
    ) -> tuple[OrErrno[I32], Owned[OrNull[Ptr[SuperBlock]]]]:
        """Return 0 and a new file system of a `kind` with `options`; or -ENODEV, -EINVAL or
        -ENOMEM, and null."""
        for one in self.kinds:
            with if_(self.strings.equal(kind, text(one.name))):
                tail(one.create, text("none"), options)
        ret(-Errno.ENODEV, 0)

    @function(context="thread", sleeps=True)
    def _attach(self, lookup: Keep[Ptr[Lookup]], mount: Keep[Owned[Ptr[Mount]]]) -> OrErrno[I32]:
        """Attach `mount` where the walk has come to: a directory that is not removed."""
        result, dentry = keep(I32), keep(lookup.place.dentry)
        errdefer(self.mounts.drop, mount)
        asserts(dentry != 0)
        inode = keep(dentry.inode)
        asserts(inode != 0)
        fail_if(~is_type(inode, FileType.DIRECTORY), Errno.ENOTDIR)
        xor(result, result)
        with self.locks.held(inode):
            with if_(((dentry.flags & DentryFlag.HASHED) == 0) & (dentry.parent != 0)):
                mov(result, -Errno.ENOENT)
            with else_():
                self.mounts.attach(mount, address_of(lookup.place))
        try_(result)
        disown(mount, "it is attached")
        ret(0)

    # Unmounting

    @function(context="thread", sleeps=True)
    def unmount(self, subject: Keep[Ptr[Subject]], name: Ptr[U8], flags: Keep[U32]) -> OrErrno[I32]:
        """Unmount what is mounted at `name`, by `UnmountFlag`s. Returns 0 or an error; -EBUSY while
        it is used, but for DETACH."""
        lookup, result = local(Lookup), keep(I32)
        mov(eax, LookupFlag.FOLLOW)
        with if_(flags & UnmountFlag.NO_FOLLOW):
            xor(eax, eax)
        try_(self.walk.find(address_of(lookup), subject, 0, name, eax))
        with self.mutexes.held(self.lock):
            mov(result, self._unmount(address_of(lookup), subject, flags))
        self.walk.end(address_of(lookup))
        ret(result)

    @function(context="thread", sleeps=True)
    def _unmount(
        self, lookup: Ptr[Lookup], subject: Ptr[Subject], flags: Keep[U32]
    ) -> OrErrno[I32]:
        """Unmount the mount whose root the walk has come to."""
        mount, credentials = keep(lookup.place.mount), scratch(subject.credentials)
        asserts(mount != 0)
        fail_if((credentials.effective & (1 << CapabilityBit.SYS_ADMIN)) == 0, Errno.EPERM)
        mov(rax, lookup.place.dentry)
        fail_if(rax != mount.root, Errno.EINVAL)
        context = scratch(subject.context)
        mov(rax, context.namespace)
        fail_if(rax != mount.namespace, Errno.EINVAL)
        with if_(mount.parent == 0):  # the root stays, but nothing is written to it any more
            fail_if(flags & UnmountFlag.DETACH, Errno.EINVAL)
            fail_if(~self._forbid_writing(mount), Errno.EBUSY)
            ret(0)
        with if_(flags & UnmountFlag.DETACH):
            self.mounts.detach_all(mount)
            ret(0)
        fail_if(~self.mounts.detach_unused(mount, UNUSED), Errno.EBUSY)
        ret(0)
