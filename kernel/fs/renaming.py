"""Names that get another name, or another directory."""

from __future__ import annotations

from enum import IntFlag

from kernel.errno import Errno
from kernel.fs.creation import Creation
from kernel.fs.dentries import Dentries
from kernel.fs.fileevents import FileEvents
from kernel.fs.inode import Dentry, Inode, is_type
from kernel.fs.inodelocks import InodeLocks
from kernel.fs.lookup import LastPart, Lookup, LookupFlag
from kernel.fs.mode import Access, FileType
from kernel.fs.notice import FileEvent
from kernel.fs.path import Path
from kernel.fs.permissions import Permissions
from kernel.fs.removal import Removal
from kernel.fs.subject import Subject
from kernel.fs.walk import Walk
from kernel.sync.mutex import Mutexes
from pykasm import *


class RenameFlag(IntFlag):
    """Flags of `renameat2` (include/uapi/linux/fs.h)."""

    NO_REPLACE = 1 << 0
    EXCHANGE = 1 << 1
    """Both names are there, and change places."""


class Move(Struct):
    """A name that is moved, and the name that it gets."""

    source: Lookup
    target: Lookup
    subject: Ptr[Subject]
    flags: U32 = field(RenameFlag)
    from_directory: Ptr[Inode]
    to_directory: Ptr[Inode]
    moved: OrNull[Owned[Ptr[Dentry]]]
    replaced: OrNull[Owned[Ptr[Dentry]]]
    """The entry of the new name, perhaps a negative one."""


class Renaming(Subsystem):
    """Moves names, as `rename` does.

    The order of locks is: `SuperBlock.rename_lock`, so that no directory is moved meanwhile, where
    two directories are concerned; then these two, one that lies above the other first; then a
    directory that is replaced. So which lies above is known while it matters, and no directory
    comes to lie in itself. Context: thread.
    """

    def __init__(
        self,
        walk: Walk,
        creation: Creation,
        removal: Removal,
        permissions: Permissions,
        dentries: Dentries,
        locks: InodeLocks,
        mutexes: Mutexes,
        events: FileEvents,
    ) -> None:
        self.walk = walk
        self.creation = creation
        self.removal = removal
        self.permissions = permissions
        self.dentries = dentries
        self.locks = locks
        self.mutexes = mutexes
        self.events = events

    @function(context="thread", sleeps=True)
    def rename(
        self,
        subject: Keep[Ptr[Subject]],
        start: OrNull[Ptr[Path]],
        name: Ptr[U8],
        new_start: Keep[OrNull[Ptr[Path]]],
        new_name: Keep[Ptr[U8]],
        flags: U32,
    ) -> OrErrno[I32]:
        """Give what is called `name`, as seen from `start`, the name `new_name`, as seen from
        `new_start`; null is the current directory. What had that name loses it. Returns 0 or an
        error."""
        move, result = local(Move), keep(I32)
        mov(move.subject, subject)
        mov(move.flags, flags)
        mov(u64(move.moved), 0)
        mov(u64(move.replaced), 0)
        fail_if(flags & ~int(RenameFlag.NO_REPLACE | RenameFlag.EXCHANGE), Errno.EINVAL)
        fail_if((flags & RenameFlag.NO_REPLACE) & (flags & RenameFlag.EXCHANGE), Errno.EINVAL)
        source = address_of(move.source)
        try_(self.walk.find(source, subject, start, name, LookupFlag.PARENT))
        target = address_of(move.target)
        mov(result, self.walk.find(target, subject, new_start, new_name, LookupFlag.PARENT))
        with if_(result == 0):
            mov(result, self._rename(address_of(move)))
            self.walk.end(address_of(move.target))
        self.walk.end(address_of(move.source))
        ret(result)

    @function(context="thread", sleeps=True)
    def _rename(self, move: Keep[Ptr[Move]]) -> OrErrno[I32]:
        """Move the name, once both directories are found."""
        source, target = scratch(move.source.place.dentry), scratch(move.target.place.dentry)
        mount, result = scratch(move.source.place.mount), keep(I32)
        asserts((source != 0) & (target != 0))
        fail_if(mount != move.target.place.mount, Errno.EXDEV)
        fail_if(move.source.last != LastPart.NAME, Errno.EBUSY)
        with if_(move.target.last != LastPart.NAME):
            fail_if(move.flags & RenameFlag.NO_REPLACE, Errno.EEXIST)
            fail(Errno.EBUSY)
        from_directory, to_directory = keep(source.inode), keep(target.inode)
        asserts((from_directory != 0) & (to_directory != 0))
        mov(move.from_directory, from_directory)
        mov(move.to_directory, to_directory)
        with if_(from_directory == to_directory), self.locks.held(from_directory):
            mov(result, self._rename_locked(move))
        with else_():
            mov(result, self._rename_across(move, from_directory, to_directory))
        replaced = scratch(move.replaced)
        # Without the locks of the directories, as mounts may go, and files be closed
        with if_(replaced != 0):
            self.removal.unmounting.free_entry(replaced)
        for entry in (move.moved, move.replaced):
            dentry = scratch(entry)
            with if_(dentry != 0):
                self.dentries.drop(dentry)
        ret(result)

    @function(context="thread", sleeps=True)
    def _rename_across(
        self, move: Keep[Ptr[Move]], first: Keep[Ptr[Inode]], second: Keep[Ptr[Inode]]
    ) -> OrErrno[I32]:
        """Move the name between directories, after locking both."""
        superblock, result = keep(first.superblock), keep(I32)
        with self.mutexes.held(superblock.rename_lock):
            # The target is locked first only if the source lies in it
            with if_(self._is_below(move.source.place.dentry, move.target.place.dentry)):
                xchg(first, second)
            with self.locks.held(first), self.locks.second_held(second):
                mov(result, self._rename_locked(move))
        ret(result)

    @function
    def _is_below(self, dentry: OrNull[Ptr[Dentry]], above: OrNull[Ptr[Dentry]]) -> Bool:
        """Return whether `dentry` is `above` or lies in it, at any depth. Nobody moves directories
        meanwhile."""
        with while_(dentry != 0):
            with if_(dentry == above):
                ret(True)
            mov(dentry, dentry.parent)
        ret(False)

    @function(context="thread", sleeps=True)
    def _rename_locked(self, move: Keep[Ptr[Move]]) -> OrErrno[I32]:
        """Move the name; the locks of both directories are held."""
        moved, replaced = keep(Ptr[Dentry]), keep(Ptr[Dentry])
        result, found = self.walk.look_up(move.from_directory, address_of(move.source.key))
        mov(move.moved, found)
        mov(moved, found)
        try_(result)
        result, found = self.walk.look_up(move.to_directory, address_of(move.target.key))
        mov(move.replaced, found)
        mov(replaced, found)
        try_(result)
        asserts((moved != 0) & (replaced != 0))
        try_(self._check(move, moved, replaced))
        inode = keep(replaced.inode)
        # After `_check`, whose errors count also where nothing would happen
        with if_(inode == moved.inode):
            ret(0)  # two names of one file: nothing happens (POSIX)
        try_(self._check_rights(move, moved, replaced))
        with if_(move.flags & RenameFlag.EXCHANGE):
            tail(self._exchange, move, moved, replaced)
        with if_(inode != 0), if_(is_type(inode, FileType.DIRECTORY)):
            tail(self._replace_directory, move, moved, replaced, inode)
        tail(self._move, move, moved, replaced)

    @function
    def _check(
        self, move: Keep[Ptr[Move]], moved: Keep[Ptr[Dentry]], replaced: Keep[Ptr[Dentry]]
    ) -> OrErrno[I32]:
        """Return 0 if there is such a name as `moved`, and its place may become that of `replaced`,
        as far as neither comes to lie in itself; or an error. What is wrong with several things is
        told in the order that Linux has (fs/namei.c, do_renameat2)."""
        inode = keep(moved.inode)
        fail_if(inode == 0, Errno.ENOENT)
        with if_(replaced.inode != 0):
            fail_if(move.flags & RenameFlag.NO_REPLACE, Errno.EEXIST)
        with elif_(move.flags & RenameFlag.EXCHANGE):
            fail(Errno.ENOENT)
        try_(self._check_slashes(move, inode, replaced.inode))
        fail_if(self._is_below(move.target.place.dentry, moved), Errno.EINVAL)
        with if_(self._is_below(move.source.place.dentry, replaced)):
            fail_if(move.flags & RenameFlag.EXCHANGE, Errno.EINVAL)
            fail(Errno.ENOTEMPTY)
        ret(0)

    @function
    def _check_slashes(
        self, move: Ptr[Move], inode: Ptr[Inode], other: OrNull[Ptr[Inode]]
    ) -> OrErrno[I32]:
        """Return 0 if names that end with a slash are those of directories, `inode` and `other`; or
        -ENOTDIR. A name that is made is that of `inode`."""
        with if_(is_type(inode, FileType.DIRECTORY)):
            mov(ecx, 0)
        with else_():
            mov(ecx, move.source.flags)
        with if_(move.flags & RenameFlag.EXCHANGE):
            asserts(other != 0)
            mov(inode, other)
        with if_(~is_type(inode, FileType.DIRECTORY)):
            or_(ecx, move.target.flags)
        fail_if(ecx & LookupFlag.SLASH, Errno.ENOTDIR)
        ret(0)

    @function
    def _check_rights(
        self, move: Keep[Ptr[Move]], moved: Keep[Ptr[Dentry]], replaced: Keep[Ptr[Dentry]]
    ) -> OrErrno[I32]:
        """Return 0 if who renames may do so, and the kinds of both go together; or an error."""
        source, target = address_of(move.source), address_of(move.target)
        try_(self.creation.check_directory(source, move.from_directory))
        try_(self.removal.check_victim(source, move.from_directory, moved))
        try_(self.creation.check_directory(target, move.to_directory))
        other = keep(replaced.inode)
        with if_(other != 0):
            try_(self.removal.check_victim(target, move.to_directory, replaced))
            with if_((move.flags & RenameFlag.EXCHANGE) == 0):
                try_(self._check_kinds(moved.inode, other))
        mov(rax, move.from_directory)
        with if_(rax != move.to_directory):
            try_(self._check_parent(move, moved.inode))
            with if_(move.flags & RenameFlag.EXCHANGE):
                try_(self._check_parent(move, other))
        ret(0)

    @function
    def _check_kinds(self, inode: OrNull[Ptr[Inode]], other: Ptr[Inode]) -> OrErrno[I32]:
        """Return 0 if `inode` may take the place of `other`: both are directories or neither is."""
        asserts(inode != 0)
        with if_(is_type(inode, FileType.DIRECTORY)):
            fail_if(~is_type(other, FileType.DIRECTORY), Errno.ENOTDIR)
            ret(0)
        fail_if(is_type(other, FileType.DIRECTORY), Errno.EISDIR)
        ret(0)

    @function
    def _check_parent(self, move: Ptr[Move], inode: OrNull[Ptr[Inode]]) -> OrErrno[I32]:
        """Return 0 if `inode` may get into another directory: if it is one itself, its `..`
        changes, so it has to be writable. Or -EACCES."""
        asserts(inode != 0)
        with if_(~is_type(inode, FileType.DIRECTORY)):
            ret(0)
        subject = scratch(move.subject)
        tail(self.permissions.check, inode, Access.WRITE, subject.credentials)

    @function(context="thread", sleeps=True)
    def _replace_directory(
        self,
        move: Keep[Ptr[Move]],
        moved: Keep[Ptr[Dentry]],
        replaced: Keep[Ptr[Dentry]],
        inode: Keep[Ptr[Inode]],
    ) -> OrErrno[I32]:
        """Move the name to that of an empty directory, in which nobody makes names meanwhile."""
        result = keep(I32)
        mov(result, -Errno.ENOTEMPTY)
        with self.locks.child_held(inode), if_(self.dentries.first_child(replaced) == 0):
            mov(result, self._move(move, moved, replaced))
        ret(result)

    @function(context="thread", sleeps=True)
    def _move(
        self, move: Keep[Ptr[Move]], moved: Keep[Ptr[Dentry]], replaced: Keep[Ptr[Dentry]]
    ) -> OrErrno[I32]:
        """Move the name, in the file system and in memory."""
        from_directory, to_directory = scratch(move.from_directory), scratch(move.to_directory)
        operations = scratch(from_directory.operations)
        try_(operations.rename(from_directory, moved, to_directory, replaced))
        self.dentries.move(moved, replaced)
        with if_(self.events.are_watched()):
            self._note(move, moved.inode, replaced.inode)
        ret(0)

    @function(context="thread")
    def _note(
        self,
        move: Keep[Ptr[Move]],
        inode: Keep[OrNull[Ptr[Inode]]],
        replaced: Keep[OrNull[Ptr[Inode]]],
    ) -> None:
        """Tell who watches what of a move of `inode`, to a name that `replaced` had, if that is not
        null."""
        self._note_halves(move, inode)
        with if_(replaced != 0):
            self.events.note_self(replaced, FileEvent.ATTRIBUTES)  # it has one name less
        asserts(inode != 0)
        self.events.note_self(inode, FileEvent.MOVE_SELF)

    @function(context="thread")
    def _note_halves(self, move: Keep[Ptr[Move]], inode: Keep[OrNull[Ptr[Inode]]]) -> None:
        """Tell who watches the directories of a move of `inode`."""
        cookie = keep(self.events.next_cookie())
        key = address_of(move.source.key)
        self.events.note_name(move.from_directory, key, inode, FileEvent.MOVED_FROM, cookie)
        key = address_of(move.target.key)
        self.events.note_name(move.to_directory, key, inode, FileEvent.MOVED_TO, cookie)

    @function(context="thread", sleeps=True)
    def _exchange(
        self, move: Keep[Ptr[Move]], moved: Keep[Ptr[Dentry]], replaced: Keep[Ptr[Dentry]]
    ) -> OrErrno[I32]:
        """Have both names change places, in the file system and in memory."""
        from_directory, to_directory = scratch(move.from_directory), scratch(move.to_directory)
        operations = scratch(from_directory.operations)
        fail_if(u64(operations.exchange) == 0, Errno.EINVAL)
        try_(operations.exchange(from_directory, moved, to_directory, replaced))
        self.dentries.exchange(moved, replaced)
        with if_(self.events.are_watched()):
            self._note(move, moved.inode, 0)
            self._note_back(move, replaced.inode)
        ret(0)

    @function(context="thread")
    def _note_back(self, move: Keep[Ptr[Move]], inode: Keep[OrNull[Ptr[Inode]]]) -> None:
        """Tell who watches what of a move of `inode`, from the target to the source."""
        cookie = keep(self.events.next_cookie())
        key = address_of(move.target.key)
        self.events.note_name(move.to_directory, key, inode, FileEvent.MOVED_FROM, cookie)
        key = address_of(move.source.key)
        self.events.note_name(move.from_directory, key, inode, FileEvent.MOVED_TO, cookie)
        asserts(inode != 0)
        self.events.note_self(inode, FileEvent.MOVE_SELF)
