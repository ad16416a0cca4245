"""Names that go away."""

from __future__ import annotations

from kernel.errno import Errno
from kernel.fs.creation import Creation
from kernel.fs.dentries import Dentries
from kernel.fs.fileevents import FileEvents
from kernel.fs.inode import Dentry, DentryFlag, Inode, is_type
from kernel.fs.inodelocks import InodeLocks
from kernel.fs.lookup import LastPart, Lookup, LookupFlag
from kernel.fs.mode import FileType, ModeBit
from kernel.fs.notice import FileEvent
from kernel.fs.path import Path
from kernel.fs.permissions import Permissions
from kernel.fs.subject import Subject
from kernel.fs.unmounting import Unmounting
from kernel.fs.walk import Walk
from pykasm import *


class Removal(Subsystem):
    """Removes names, as the calls do whose names these functions have. Both take the directory
    where relative names begin, the current one if it is null, and return 0 or an error. Context:
    thread."""

    def __init__(
        self,
        walk: Walk,
        creation: Creation,
        dentries: Dentries,
        permissions: Permissions,
        locks: InodeLocks,
        events: FileEvents,
        unmounting: Unmounting,
    ) -> None:
        self.walk = walk
        self.creation = creation
        self.dentries = dentries
        self.permissions = permissions
        self.locks = locks
        self.events = events
        self.unmounting = unmounting

    @function(context="thread", sleeps=True)
    def unlink(
        self, subject: Ptr[Subject], start: OrNull[Ptr[Path]], name: Ptr[U8]
    ) -> OrErrno[I32]:
        """Remove the name of a file. Returns 0; -EISDIR if it is a directory, -ENOTDIR if the name
        ends with a slash; -ENOENT, -EROFS, -EACCES, -EPERM, -EBUSY; or an error of the walk."""
        lookup, result = local(Lookup), keep(I32)
        try_(self.walk.find(address_of(lookup), subject, start, name, LookupFlag.PARENT))
        mov(result, -Errno.EISDIR)
        with if_(lookup.last == LastPart.NAME):
            mov(result, self._remove(address_of(lookup), False))
        self.walk.end(address_of(lookup))
        ret(result)

    @function(context="thread", sleeps=True)
    def rmdir(self, subject: Ptr[Subject], start: OrNull[Ptr[Path]], name: Ptr[U8]) -> OrErrno[I32]:
        """Remove an empty directory. Returns 0; -EINVAL for `.`, -ENOTEMPTY, -ENOTDIR, -ENOENT,
        -EROFS, -EACCES, -EPERM; -EBUSY for a root; or an error of the walk."""
        lookup, result = local(Lookup), keep(I32)
        try_(self.walk.find(address_of(lookup), subject, start, name, LookupFlag.PARENT))
        mov(eax, lookup.last)
        with switch(eax):
            with case(LastPart.NAME):
                mov(result, self._remove(address_of(lookup), True))
            with case(LastPart.DOT):
                mov(result, -Errno.EINVAL)
            with case(LastPart.DOT_DOT):
                # A directory that has this one in it is not empty
                mov(result, -Errno.ENOTEMPTY)
            with default():
                mov(result, -Errno.EBUSY)
        self.walk.end(address_of(lookup))
        ret(result)

    @function(context="thread", sleeps=True)
    def _remove(self, lookup: Keep[Ptr[Lookup]], is_directory: Keep[Bool]) -> OrErrno[I32]:
        """Remove the name before which the walk has stopped."""
        place, result, removed = scratch(lookup.place.dentry), keep(I32), keep(OrNull[Ptr[Dentry]])
        asserts(place != 0)
        directory = keep(place.inode)
        asserts(directory != 0)
        with self.locks.held(directory):
            failed, dentry = self._remove_locked(lookup, directory, is_directory)
            mov(result, failed)
            mov(removed, dentry)
        with if_(removed != 0):
            # Without locks: what other namespaces have mounted on it goes, which may take long
            self.unmounting.free_entry(removed)
            self.dentries.drop(removed)
        ret(result)

    @function(context="thread", sleeps=True, holds="directory.lock")
    def _remove_locked(
        self, lookup: Keep[Ptr[Lookup]], directory: Keep[Ptr[Inode]], is_directory: Keep[Bool]
    ) -> tuple[OrErrno[I32], Owned[OrNull[Ptr[Dentry]]]]:
        """Remove a name of `directory`. Returns 0 and the entry that it was; or an error and
        null."""
        result = keep(I32)
        failed, found = self.walk.look_up(directory, address_of(lookup.key))
        mov(result, failed)
        dentry = keep(found)
        with if_(dentry == 0):
            ret(result, 0)
        ignore(result, "there is an entry")
        mov(result, self._take_name(lookup, directory, is_directory, dentry))
        with if_(result != 0):
            self.dentries.drop(dentry)
            ret(result, 0)
        with if_(self.events.are_watched()):
            self._remove_watched(lookup, directory, dentry)
        with else_():
            self.dentries.remove(dentry)
        ret(0, dentry)

    @function(context="thread", sleeps=True)
    def _take_name(
        self,
        lookup: Keep[Ptr[Lookup]],
        directory: Keep[Ptr[Inode]],
        is_directory: Bool,
        dentry: Keep[Ptr[Dentry]],
    ) -> OrErrno[I32]:
        """Take `dentry` out of `directory` in the file system, if that may be."""
        is_directory = keep(is_directory)
        fail_if(dentry.inode == 0, Errno.ENOENT)
        with if_((is_directory == 0) & (lookup.flags & LookupFlag.SLASH)):
            inode = scratch(dentry.inode)
            asserts(inode != 0)
            fail_if(is_type(inode, FileType.DIRECTORY), Errno.EISDIR)
            fail(Errno.ENOTDIR)
        try_(self.creation.check_directory(lookup, directory))
        try_(self.check_victim(lookup, directory, dentry))
        with if_(is_directory == 0):
            tail(self._unlink_file, directory, dentry)
        tail(self._unlink_directory, directory, dentry)

    @function(context="thread")
    def _remove_watched(
        self, lookup: Keep[Ptr[Lookup]], directory: Keep[Ptr[Inode]], dentry: Keep[Ptr[Dentry]]
    ) -> None:
        """Remove `dentry`, as the file system has, and tell who watches what of that."""
        inode = keep(dentry.inode)
        asserts(inode != 0)
        with if_(~is_type(inode, FileType.DIRECTORY)):
            self.events.note_self(inode, FileEvent.ATTRIBUTES)  # it has one name less
        self.dentries.remove(dentry)
        with if_((inode.links == 0) & (dentry.references.count == 1)):
            self.events.forget(inode)  # nobody has it open: it is gone before its name is
        key = address_of(lookup.key)
        self.events.note_name(directory, key, inode, FileEvent.DELETE, 0)

    @function
    def check_victim(
        self, lookup: Keep[Ptr[Lookup]], directory: Keep[Ptr[Inode]], dentry: Keep[Ptr[Dentry]]
    ) -> OrErrno[I32]:
        """Return 0 if the entry `dentry` of `directory` may be taken out of it; -EPERM where that
        is sticky and both it and the file belong to others, -EBUSY if something is mounted on
        it in the same namespace. What is in others goes with the name."""
        with if_(dentry.flags & DentryFlag.MOUNTED):
            mount = scratch(lookup.place.mount)
            asserts(mount != 0)
            namespace = scratch(mount.namespace)
            with if_(namespace != 0):
                fail_if(self.unmounting.mounts.is_mounted_in(dentry, namespace), Errno.EBUSY)
        inode, credentials = scratch(dentry.inode), scratch(lookup.credentials)
        asserts(inode != 0)
        with if_(directory.mode & ModeBit.STICKY):
            mov(eax, credentials.fs_user)
            with if_((eax != inode.user) & (eax != directory.user)):
                fail_if(~self.permissions.is_owner(inode, credentials), Errno.EPERM)
        ret(0)

    @function(context="thread", sleeps=True)
    def _unlink_file(self, directory: Ptr[Inode], dentry: Ptr[Dentry]) -> OrErrno[I32]:
        """Take an entry that is no directory out of the file system."""
        inode = scratch(dentry.inode)
        asserts(inode != 0)
        fail_if(is_type(inode, FileType.DIRECTORY), Errno.EISDIR)
        operations = scratch(directory.operations)
        ret(operations.unlink(directory, dentry))

    @function(context="thread", sleeps=True)
    def _unlink_directory(
        self, directory: Keep[Ptr[Inode]], dentry: Keep[Ptr[Dentry]]
    ) -> OrErrno[I32]:
        """Take an empty directory out of the file system. Its own lock is held, too, so that nobody
        makes a name in it meanwhile."""
        inode, result = keep(dentry.inode), keep(I32)
        asserts(inode != 0)
        fail_if(~is_type(inode, FileType.DIRECTORY), Errno.ENOTDIR)
        mov(result, -Errno.ENOTEMPTY)
        with self.locks.child_held(inode), if_(self.dentries.first_child(dentry) == 0):
            operations = scratch(directory.operations)
            mov(result, operations.unlink(directory, dentry))
        ret(result)
