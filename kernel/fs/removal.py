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
    ) -> None:
        self.walk = walk
        self.creation = creation
        self.dentries = dentries
        self.permissions = permissions
        self.locks = locks
        self.events = events

    @function(context="thread", sleeps=True)
    def unlink(
        self, subject: Ptr[Subject], start: OrNull[Ptr[Path]], name: Ptr[U8]
    ) -> OrErrno[I32]:
        """Remove the name of a file that is no directory."""
        lookup, result = local(Lookup), keep(I32)
        try_(self.walk.find(address_of(lookup), subject, start, name, LookupFlag.PARENT))
        mov(result, -Errno.EISDIR)
        with if_(lookup.last == LastPart.NAME):
            mov(result, self._remove(address_of(lookup), False))
        self.walk.end(address_of(lookup))
        ret(result)

    @function(context="thread", sleeps=True)
    def rmdir(self, subject: Ptr[Subject], start: OrNull[Ptr[Path]], name: Ptr[U8]) -> OrErrno[I32]:
        """Remove an empty directory."""
        lookup, result = local(Lookup), keep(I32)
        try_(self.walk.find(address_of(lookup), subject, start, name, LookupFlag.PARENT))
        mov(eax, lookup.last)
        with switch(eax):
            with case(LastPart.NAME):
                mov(result, self._remove(address_of(lookup), True))
            with case(LastPart.DOT):
                mov(result, -Errno.EINVAL)
            with case(LastPart.DOT_DOT):
                mov(result, -Errno.ENOTEMPTY)
            with default():
                mov(result, -Errno.EBUSY)
        self.walk.end(address_of(lookup))
        ret(result)

    @function(context="thread", sleeps=True)
    def _remove(self, lookup: Keep[Ptr[Lookup]], is_directory: Keep[Bool]) -> OrErrno[I32]:
        """Remove the name before which the walk has stopped."""
        place, result = scratch(lookup.place.dentry), keep(I32)
        asserts(place != 0)
        directory = keep(place.inode)
        asserts(directory != 0)
        with self.locks.held(directory):
            mov(result, self._remove_locked(lookup, directory, is_directory))
        ret(result)

    @function(context="thread", sleeps=True)
    def _remove_locked(
        self, lookup: Keep[Ptr[Lookup]], directory: Keep[Ptr[Inode]], is_directory: Keep[Bool]
    ) -> OrErrno[I32]:
        """Remove a name of `directory`, whose lock is held."""
        failed, found = self.walk.look_up(directory, address_of(lookup.key))
        dentry, failed = keep(found), keep(failed)
        with if_(dentry == 0):
            ret(failed)
        ignore(failed, "there is an entry")
        release(failed)
        with errdefer(self.dentries.drop, dentry):
            inode = scratch(dentry.inode)
            fail_if(inode == 0, Errno.ENOENT)
            try_(self.creation.check_directory(lookup, directory))
            try_(self.check_victim(lookup, directory, dentry))
            with if_(is_directory == 0):
                try_(self._unlink_file(lookup, directory, dentry))
            with else_():
                try_(self._unlink_directory(directory, dentry))
        with if_(self.events.are_watched()):
            tail(self._remove_watched, lookup, directory, dentry)
        self.dentries.remove(dentry)
        self.dentries.drop(dentry)
        ret(0)

    @function(context="thread")
    def _remove_watched(
        self,
        lookup: Keep[Ptr[Lookup]],
        directory: Keep[Ptr[Inode]],
        dentry: Keep[Owned[Ptr[Dentry]]],
    ) -> OrErrno[I32]:
        """Remove `dentry`, as the file system has, and tell who watches what of that. Returns 0."""
        inode = keep(dentry.inode)
        asserts(inode != 0)
        with if_(~is_type(inode, FileType.DIRECTORY)):
            self.events.note_self(inode, FileEvent.ATTRIBUTES)  # it has one name less
        inode.references.gain()
        self.dentries.remove(dentry)
        self.dentries.drop(dentry)
        key = address_of(lookup.key)
        self.events.note_name(directory, key, inode, FileEvent.DELETE, 0)
        self.dentries.inodes.drop(inode)
        ret(0)

    @function
    def check_victim(
        self, lookup: Ptr[Lookup], directory: Ptr[Inode], dentry: Ptr[Dentry]
    ) -> OrErrno[I32]:
        """Return 0 if the entry `dentry` of `directory` may be taken out of it; -EPERM where that
        is sticky and both it and the file belong to others, -EBUSY if something is mounted on
        it."""
        inode, credentials = scratch(dentry.inode), scratch(lookup.credentials)
        dentry = scratch(dentry)
        asserts(inode != 0)
        with if_(directory.mode & ModeBit.STICKY):
            mov(eax, credentials.fs_user)
            with if_((eax != inode.user) & (eax != directory.user)):
                fail_if(~self.permissions.is_owner(inode, credentials), Errno.EPERM)
        fail_if(dentry.flags & DentryFlag.MOUNTED, Errno.EBUSY)
        ret(0)

    @function(context="thread", sleeps=True)
    def _unlink_file(
        self, lookup: Ptr[Lookup], directory: Ptr[Inode], dentry: Ptr[Dentry]
    ) -> OrErrno[I32]:
        """Take an entry that is no directory out of the file system."""
        inode = scratch(dentry.inode)
        asserts(inode != 0)
        fail_if(is_type(inode, FileType.DIRECTORY), Errno.EISDIR)
        fail_if(lookup.flags & LookupFlag.SLASH, Errno.ENOTDIR)
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
