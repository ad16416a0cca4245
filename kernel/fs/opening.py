"""Opening files."""

from __future__ import annotations

from kernel.errno import Errno
from kernel.fs.creation import Creation, NewName
from kernel.fs.credentials import Credentials
from kernel.fs.file import File
from kernel.fs.fileevents import FileEvents
from kernel.fs.files import Files
from kernel.fs.inode import Dentry, Inode, InodeFlag, is_type
from kernel.fs.lookup import LastPart, Lookup, LookupFlag
from kernel.fs.mode import PERMISSIONS, TYPE_MASK, Access, FileType
from kernel.fs.mount import Mount, MountFlag
from kernel.fs.notice import FileEvent
from kernel.fs.openflag import ACCESS_MODE, OpenFlag
from kernel.fs.path import Path
from kernel.fs.permissions import Permissions
from kernel.fs.subject import Subject
from kernel.fs.walk import Walk
from kernel.fs.writeaccess import WriteAccess
from kernel.sync.mutex import Mutexes
from pykasm import *


class Opening(Subsystem):
    """What `open` and `openat` do, but for the number in a file table. Context: thread."""

    def __init__(
        self,
        walk: Walk,
        creation: Creation,
        files: Files,
        permissions: Permissions,
        mutexes: Mutexes,
        writers: WriteAccess,
        events: FileEvents,
    ) -> None:
        self.walk = walk
        self.creation = creation
        self.files = files
        self.permissions = permissions
        self.mutexes = mutexes
        self.writers = writers
        self.events = events

    @function(context="thread", sleeps=True)
    def open(
        self,
        subject: Ptr[Subject],
        start: OrNull[Ptr[Path]],
        name: Ptr[U8],
        flags: U32,
        mode: U32,
    ) -> tuple[OrErrno[I32], Owned[OrNull[Ptr[File]]]]:
        """Open the file `name`, as seen from `start`, the current directory if that is null, by
        `OpenFlag`s; one that is made gets the permissions in `mode` less the umask. Returns 0 and
        the open file, or an error and null."""
        tail(self.open_within, subject, start, name, flags, mode, 0)

    @function(context="thread", sleeps=True)
    def open_within(
        self,
        subject: Keep[Ptr[Subject]],
        start: OrNull[Ptr[Path]],
        name: Ptr[U8],
        flags: Keep[U32],
        mode: U32,
        within: U32,
    ) -> tuple[OrErrno[I32], Owned[OrNull[Ptr[File]]]]:
        """Do what `open` does, with a walk that keeps to the `LookupFlag`s in `within`, too."""
        new, result, file = local(NewName), keep(I32), keep(Ptr[File])
        with if_(self._is_unnamed(flags) & self._is_odd(flags)):
            ret(-Errno.EINVAL, 0)
        makes = (flags & OpenFlag.CREATE) & ((flags & OpenFlag.PATH) == 0)
        with if_(makes & (flags & OpenFlag.DIRECTORY)):
            ret(-Errno.EINVAL, 0)  # nothing that is made here is a directory
        mov(new.subject, subject)
        mov(new.device, 0)
        and_(mode, PERMISSIONS)
        or_(mode, FileType.REGULAR)
        mov(new.mode, mode)
        how = self._lookup_flags(flags)
        or_(how, within)
        mov(result, self.walk.find(address_of(new.lookup), subject, start, name, how))
        with if_(result != 0):
            ret(result, 0)
        with if_(self._is_unnamed(flags)):
            mov(result, self._create_unnamed(address_of(new), flags))
        with elif_((flags & OpenFlag.CREATE) & ((flags & OpenFlag.PATH) == 0)):
            mov(result, self._create(address_of(new), flags))
        xor(u32(file), u32(file))
        with if_(result >= 0):
            failed, opened = self._open_place(address_of(new.lookup), flags, result)
            mov(result, failed)
            mov(file, opened)
        self.walk.end(address_of(new.lookup))
        ret(result, file)

    @inline
    def _is_unnamed(self, flags: U32) -> Condition:
        """Return whether `flags` ask for a file without a name."""
        return (flags & OpenFlag.TEMPORARY) & ((flags & OpenFlag.PATH) == 0)

    @inline
    def _is_odd(self, flags: U32) -> Condition:
        """Return whether `flags` that ask for such a file don't go together: nobody could write to
        it, or it would be made twice."""
        return (
            ((flags & ACCESS_MODE) == 0)
            | (flags & OpenFlag.CREATE)
            | ((flags & OpenFlag.DIRECTORY) == 0)
        )

    @inline(changes=(rax,))
    def _lookup_flags(self, flags: U32) -> U32:
        """Return how to walk."""
        xor(eax, eax)
        with if_((flags & (OpenFlag.NO_FOLLOW)) == 0):
            mov(eax, LookupFlag.FOLLOW)
        with if_((flags & OpenFlag.CREATE) & ((flags & OpenFlag.PATH) == 0)):
            or_(eax, LookupFlag.PARENT)
        with if_(flags & OpenFlag.UNNAMED):
            or_(eax, LookupFlag.EMPTY)
        return eax

    @function(context="thread", sleeps=True)
    def _create(self, new: Keep[Ptr[NewName]], flags: Keep[U32]) -> OrErrno[I32]:
        """Walk on to the last part of the name, which is made if it is not there. Returns 1 if it
        was made, 0 if not, or an error."""
        result, dentry, lookup = keep(I32), keep(Ptr[Dentry]), address_of(new.lookup)
        with loop():
            with if_(new.lookup.last != LastPart.NAME):
                xor(result, result)
                with if_(new.lookup.last != LastPart.NONE):
                    mov(result, self.walk.step(lookup))
                fail_if((result == 0) & (flags & OpenFlag.EXCLUSIVE), Errno.EEXIST)
                ret(result)
            fail_if(new.lookup.flags & LookupFlag.SLASH, Errno.EISDIR)
            found, made = self._find_or_make(new)
            with if_(made == 0):
                ret(found)
            mov(result, found)
            mov(dentry, made)
            with if_((result == 0) & (flags & OpenFlag.EXCLUSIVE)):
                self.walk.dentries.drop(dentry)
                fail(Errno.EEXIST)
            followed = try_(self.walk.enter(lookup, dentry))
            with if_(followed == 0):
                ret(result)
            try_(self.walk.go_on(lookup))

    @function(context="thread", sleeps=True)
    def _create_unnamed(self, new: Keep[Ptr[NewName]], flags: Keep[U32]) -> OrErrno[I32]:
        """Go on to a new file without a name in the directory to which the walk has come, which is
        open for writing. It may get a name later, unless it is EXCLUSIVE. Returns 1 or an error."""
        place = scratch(new.lookup.place.dentry)
        asserts(place != 0)
        directory = keep(place.inode)
        asserts(directory != 0)
        fail_if(~is_type(directory, FileType.DIRECTORY), Errno.ENOTDIR)
        failed, made = self.creation.make_unnamed(new, directory)
        with if_(made == 0):
            ret(failed)
        ignore(failed, "there is an entry")
        inode = scratch(made.inode)
        asserts(inode != 0)
        with if_((flags & OpenFlag.EXCLUSIVE) == 0):
            or_(inode.flags, InodeFlag.LINKABLE)
        xchg(new.lookup.place.dentry, made)
        self.walk.dentries.drop(made)
        ret(1)

    @function(context="thread", sleeps=True)
    def _find_or_make(
        self, new: Keep[Ptr[NewName]]
    ) -> tuple[OrErrno[I32], Owned[OrNull[Ptr[Dentry]]]]:
        """Return the entry at which the walk is, and 0; 1 if it was made now; or an error and
        null."""
        result, dentry, place = keep(I32), keep(Ptr[Dentry]), scratch(new.lookup.place.dentry)
        asserts(place != 0)
        directory = keep(place.inode)
        asserts(directory != 0)
        with self.mutexes.held(directory.lock):
            found, entry = self.walk.look_up(directory, address_of(new.lookup.key))
            mov(result, found)
            mov(dentry, entry)
            with if_(dentry != 0), if_(dentry.inode == 0):
                ignore(result, "there is an entry")
                mov(result, self._make(new, directory, dentry))
        with if_((dentry != 0) & (result < 0)):
            self.walk.dentries.drop(dentry)
            ret(result, 0)
        ret(result, dentry)

    @function(context="thread", sleeps=True, holds="directory.lock")
    def _make(
        self, new: Keep[Ptr[NewName]], directory: Keep[Ptr[Inode]], dentry: Keep[Ptr[Dentry]]
    ) -> OrErrno[I32]:
        """Make a regular file of a negative entry of `directory`. Returns 1 or an error."""
        try_(self.creation.check_directory(address_of(new.lookup), directory))
        try_(self.creation.make(new, directory, dentry))
        self.walk.dentries.add(dentry)
        self.creation.note_new(new, directory, dentry)
        ret(1)

    # Where the walk has come to

    @function(context="thread", sleeps=True)
    def _open_place(
        self, lookup: Keep[Ptr[Lookup]], flags: Keep[U32], created: Keep[U32]
    ) -> tuple[OrErrno[I32], Owned[OrNull[Ptr[File]]]]:
        """Open what the walk has come to. Returns what `open` does."""
        result = keep(self._check(lookup, flags, created))
        with if_(result != 0):
            ret(result, 0)
        tail(self.files.open, address_of(lookup.place), flags, lookup.credentials)

    @function(context="thread", sleeps=True)
    def _check(
        self, lookup: Keep[Ptr[Lookup]], flags: Keep[U32], created: Keep[U32]
    ) -> OrErrno[I32]:
        """Return 0 if what the walk has come to may be opened, or an error; cut it off, if that is
        asked for. What was `created` may be opened as its maker likes."""
        dentry = scratch(lookup.place.dentry)
        asserts(dentry != 0)
        inode = keep(dentry.inode)
        asserts(inode != 0)
        # O_TMPFILE has the bit of O_DIRECTORY in it, and what it makes is no directory
        with if_((flags & OpenFlag.DIRECTORY) & ~self._is_unnamed(flags)):
            fail_if(~is_type(inode, FileType.DIRECTORY), Errno.ENOTDIR)
        # A place is opened, not what is there: no right to the file itself is needed (open(2),
        # O_PATH)
        with if_(flags & OpenFlag.PATH):
            ret(0)
        # The walk follows links, so one is left only where it was told not to
        fail_if(is_type(inode, FileType.SYMLINK), Errno.ELOOP)
        with if_(flags & OpenFlag.EXECUTE):
            fail_if(~is_type(inode, FileType.REGULAR), Errno.EACCES)
        wanted = keep(self._wanted(flags))
        with if_(is_type(inode, FileType.DIRECTORY)):
            # CREATE too, though the name is there: Linux refuses it before it looks at rights
            fail_if((wanted & Access.WRITE) | (flags & OpenFlag.CREATE), Errno.EISDIR)
        # A mode without rights holds from the next time it is opened on: who makes a file may write
        # to it
        with if_(created == 0):
            # Before the permissions: who has none is told -EROFS all the same, as by Linux
            try_(self._check_mount(lookup.place.mount, inode, wanted))
            try_(self.permissions.check(inode, wanted, lookup.credentials))
            with if_(flags & OpenFlag.NO_ACCESS_TIME):
                credentials = scratch(lookup.credentials)
                fail_if(~self.permissions.is_owner(inode, credentials), Errno.EPERM)
                release(credentials)
            with if_(flags & OpenFlag.TRUNCATE):
                try_(self._truncate(inode, lookup.credentials))
                with if_(self.events.are_watched()):
                    self.events.note(lookup.place.dentry, FileEvent.MODIFY)
        ret(0)

    @function
    def _wanted(self, flags: U32) -> U32:
        """Return the `Access` that `flags` ask for."""
        with if_(flags & OpenFlag.EXECUTE):
            # Not to read as well: a program may be run by who must not see what is in it
            ret(Access.EXECUTE)
        mov(ecx, flags)
        and_(ecx, ACCESS_MODE)
        mov(eax, Access.READ)
        with if_(ecx == OpenFlag.WRITE_ONLY):
            mov(eax, Access.WRITE)
        with elif_(ecx != 0):
            # The reserved 3 too, which asks for both (open(2))
            mov(eax, Access.READ | Access.WRITE)
        with if_(flags & OpenFlag.TRUNCATE):
            # Cutting off is writing, even where it is opened for reading
            or_(eax, Access.WRITE)
        ret(eax)

    @function
    def _check_mount(
        self, mount: OrNull[Ptr[Mount]], inode: Ptr[Inode], wanted: U32
    ) -> OrErrno[I32]:
        """Return 0 if `mount` does not forbid it; -EROFS or -EACCES."""
        asserts(mount != 0)
        mov(eax, inode.mode)
        and_(eax, TYPE_MASK)
        with if_((eax == FileType.CHARACTER) | (eax == FileType.BLOCK)):
            # What is written goes to the device, so a read-only mount does not matter for it
            fail_if(mount.flags & MountFlag.NO_DEVICES, Errno.EACCES)
            ret(0)
        with if_(wanted & Access.EXECUTE):
            fail_if(mount.flags & MountFlag.NO_EXECUTE, Errno.EACCES)
        with if_((eax == FileType.REGULAR) & (wanted & Access.WRITE)):
            fail_if(mount.is_read_only(), Errno.EROFS)
        ret(0)

    @function(context="thread", sleeps=True)
    def _truncate(
        self, inode: Keep[Ptr[Inode]], credentials: Keep[Ptr[Credentials]]
    ) -> OrErrno[I32]:
        """Cut all of a regular file off; others are left alone. Returns 0 or an error."""
        result = keep(I32)
        with if_(~is_type(inode, FileType.REGULAR)):
            ret(0)
        # Counted even for this moment, so that what runs is not cut off (ETXTBSY)
        try_(self.writers.gain(inode))
        with self.mutexes.held(inode.lock):
            self.permissions.drop_set_ids(inode, credentials)
            operations = scratch(inode.operations)
            mov(result, operations.resize(inode, 0))
        self.writers.drop(inode)
        ret(result)
