"""New names: files, directories, links."""

from __future__ import annotations

from typing import Any

from kernel.errno import Errno
from kernel.fs.dentries import Dentries
from kernel.fs.fileevents import FileEvents
from kernel.fs.inode import Dentry, Inode, InodeFlag, is_type
from kernel.fs.lookup import LastPart, Lookup, LookupFlag
from kernel.fs.mode import ALL_ACCESS, TYPE_MASK, Access, FileType, ModeBit
from kernel.fs.namekey import NameKey
from kernel.fs.notice import FileEvent
from kernel.fs.path import Path
from kernel.fs.permissions import Permissions
from kernel.fs.subject import Subject
from kernel.fs.walk import Walk
from kernel.sync.mutex import Mutexes
from pykasm import *


class NewName(Struct):
    """A name that is being made, and what it shall stand for."""

    lookup: Lookup
    """Has stopped before the name."""
    subject: Ptr[Subject]
    make: MakeName
    mode: U32
    device: U64
    text: Ptr[U8]
    """Of a symbolic link."""
    path: Ptr[Path]
    """What gets one more name."""


class MakeName(Fn[[Ptr[NewName], Ptr[Inode], Ptr[Dentry]], OrErrno[I32]], context="thread"):
    """Make what a negative entry of a directory, whose lock is held, shall stand for."""


class Creation(Subsystem):
    """Makes names, as the calls do whose names these functions have. All take the directory where
    relative names begin, the current one if it is null, and return 0 or an error. Context:
    thread."""

    def __init__(
        self,
        walk: Walk,
        dentries: Dentries,
        permissions: Permissions,
        mutexes: Mutexes,
        events: FileEvents,
    ) -> None:
        self.walk = walk
        self.dentries = dentries
        self.permissions = permissions
        self.mutexes = mutexes
        self.events = events

    # The calls

    @function(context="thread", sleeps=True)
    def mknod(
        self, subject: Ptr[Subject], start: OrNull[Ptr[Path]], name: Ptr[U8], mode: U32, device: U64
    ) -> OrErrno[I32]:
        """Make a file of the type in `mode`, with its permissions less the umask. Who may make
        which is for the caller to know. Returns 0 or an error of `run`."""
        new = local(NewName)
        mov(new.device, device)
        self._set_mode(new, subject, mode)
        self._set_make(new, self.make)
        ret(self.run(address_of(new), start, name))

    @function(context="thread", sleeps=True)
    def mkdir(
        self, subject: Ptr[Subject], start: OrNull[Ptr[Path]], name: Ptr[U8], mode: U32
    ) -> OrErrno[I32]:
        """Make a directory with the permissions in `mode` less the umask. Returns 0 or an error of
        `run`."""
        new = local(NewName)
        mov(new.device, 0)
        and_(mode, ALL_ACCESS | ModeBit.STICKY)
        or_(mode, FileType.DIRECTORY)
        self._set_mode(new, subject, mode)
        self._set_make(new, self.make)
        ret(self.run(address_of(new), start, name))

    @function(context="thread", sleeps=True)
    def symlink(
        self, subject: Ptr[Subject], start: OrNull[Ptr[Path]], name: Ptr[U8], text: Ptr[U8]
    ) -> OrErrno[I32]:
        """Make a symbolic link with `text`. An empty one is -ENOENT."""
        new = local(NewName)
        fail_if(at(text) == 0, Errno.ENOENT)
        mov(new.text, text)
        self._set_mode(new, subject, FileType.SYMLINK | ALL_ACCESS)
        self._set_make(new, self._make_symlink)
        ret(self.run(address_of(new), start, name))

    @function(context="thread", sleeps=True)
    def link(
        self,
        subject: Ptr[Subject],
        path: Ptr[Path],
        start: OrNull[Ptr[Path]],
        name: Ptr[U8],
    ) -> OrErrno[I32]:
        """Make `name` one more name of what is at `path`, which is no directory (-EPERM) and in the
        same file system (-EXDEV)."""
        new = local(NewName)
        mov(new.path, path)
        self._set_mode(new, subject, 0)
        self._set_make(new, self._make_link)
        ret(self.run(address_of(new), start, name))

    @inline(changes=rax)
    def _set_mode(self, new: NewName, subject: Ptr[Subject], mode: object) -> None:
        """Note who makes what."""
        mov(new.subject, subject)
        mov(new.mode, mode)

    @inline(changes=rax)
    def _set_make(self, new: NewName, make: Any) -> None:
        """Note by which function it is made."""
        mov(rax, address_of(make))
        mov(new.make, cast(rax, MakeName))

    # The common way

    @function(context="thread", sleeps=True)
    def run(self, new: Keep[Ptr[NewName]], start: OrNull[Ptr[Path]], name: Ptr[U8]) -> OrErrno[I32]:
        """Walk to the directory, and make the name there. Of `new`, all is filled in but the walk.
        Returns 0; an error of the walk; -EEXIST; -ENOENT if the directory was removed, or if the
        name ends with a slash and is to be that of another file; -EROFS, -EACCES; or an error of
        the file system."""
        result, lookup = keep(I32), address_of(new.lookup)
        # Up to the directory: the last part is looked up again under its lock
        try_(self.walk.find(lookup, new.subject, start, name, LookupFlag.PARENT))
        mov(result, self._make_at(new))
        self.walk.end(address_of(new.lookup))
        ret(result)

    @function(context="thread", sleeps=True)
    def _make_at(self, new: Keep[Ptr[NewName]]) -> OrErrno[I32]:
        """Make the name in the directory to which the walk has come."""
        result, dentry = keep(I32), scratch(new.lookup.place.dentry)
        # `.`, `..` and `/` are always there
        fail_if(new.lookup.last != LastPart.NAME, Errno.EEXIST)
        asserts(dentry != 0)
        directory = keep(dentry.inode)
        asserts(directory != 0)
        with self.mutexes.held(directory.lock):
            mov(result, self._make_locked(new, directory))
        ret(result)

    @function(context="thread", sleeps=True, holds="directory.lock")
    def _make_locked(self, new: Keep[Ptr[NewName]], directory: Keep[Ptr[Inode]]) -> OrErrno[I32]:
        """Make the name in `directory`."""
        result, found = self.walk.look_up(directory, address_of(new.lookup.key))
        dentry, result = keep(found), keep(result)
        with if_(dentry == 0):
            ret(result)
        ignore(result, "there is an entry")
        with errdefer(self.dentries.drop, dentry):
            # Before any right is asked for: who makes what is there already is told that
            fail_if(dentry.inode != 0, Errno.EEXIST)
            # Only directories are made by names that end with a slash
            mov(eax, new.mode)
            and_(eax, TYPE_MASK)
            with if_((new.lookup.flags & LookupFlag.SLASH) & (eax != FileType.DIRECTORY)):
                fail(Errno.ENOENT)
            # Under the lock, as the directory may have been removed since the walk
            try_(self.check_directory(address_of(new.lookup), directory))
            try_(new.make(new, directory, dentry))
        # Only now does the entry get found: before, it led to nothing
        self.dentries.add(dentry)
        self.note_new(new, directory, dentry)
        self.dentries.drop(dentry)
        ret(0)

    @function(context="thread")
    def note_new(self, new: Ptr[NewName], directory: Ptr[Inode], dentry: Ptr[Dentry]) -> None:
        """Tell who watches `directory` of a new name."""
        with if_(self.events.are_watched()):
            key = address_of(new.lookup.key)
            tail(self.events.note_name, directory, key, dentry.inode, FileEvent.CREATE, 0)

    @function
    def check_directory(self, lookup: Ptr[Lookup], directory: Ptr[Inode]) -> OrErrno[I32]:
        """Return 0 if names in `directory`, where `lookup` is, may be changed; -EROFS, -ENOENT in
        one that was removed, or -EACCES."""
        mount = scratch(lookup.place.mount)
        asserts(mount != 0)
        fail_if(mount.is_read_only(), Errno.EROFS)
        fail_if(directory.links == 0, Errno.ENOENT)
        credentials = scratch(lookup.credentials)
        tail(self.permissions.check, directory, Access.WRITE | Access.EXECUTE, credentials)

    @function(context="thread", sleeps=True)
    def make(
        self, new: Keep[Ptr[NewName]], directory: Ptr[Inode], dentry: Ptr[Dentry]
    ) -> OrErrno[I32]:
        """Make a file or directory, as `MakeName` says."""
        subject, mode = scratch(new.subject), self._masked_mode(new)
        operations = scratch(directory.operations)
        made = operations.create(directory, dentry, mode, new.device, subject.credentials)
        ret(made)

    @inline(changes=rax)
    def _masked_mode(self, new: Ptr[NewName]) -> U32:
        """Return the mode of a file that is made, without what the umask takes, in a scratch
        register."""
        mode, subject = scratch(new.mode), scratch(new.subject)
        context = scratch(subject.context)
        mov(eax, context.umask)
        not_(eax)
        # The umask takes permissions alone, and neither the type nor set-id bits
        or_(eax, ~ALL_ACCESS)
        and_(mode, eax)
        release(subject, context)
        return mode

    @function(context="thread", sleeps=True)
    def make_unnamed(
        self, new: Keep[Ptr[NewName]], directory: Keep[Ptr[Inode]]
    ) -> tuple[OrErrno[I32], Owned[OrNull[Ptr[Dentry]]]]:
        """Make a file without a name in `directory`, to which the walk of `new` has come. Returns 0
        and an entry for it that nobody finds; or an error and null: -EOPNOTSUPP where files always
        have names."""
        result, key = keep(I32), local(NameKey)
        operations = scratch(directory.operations)
        with if_(u64(operations.create_unnamed) == 0):
            ret(-Errno.EOPNOTSUPP, 0)
        mov(result, self.check_directory(address_of(new.lookup), directory))
        with if_(result != 0):
            ret(result, 0)
        mov(rax, new.lookup.place.dentry)
        asserts(rax != 0)  # what was found is somewhere
        mov(key.parent, cast(rax, Ptr[Dentry]))
        # Never found: /proc shows it for an open file
        mov(key.text, text("#"))
        mov(key.length, 1)
        mov(key.hash, 0)
        dentry = keep(self.dentries.create(directory.superblock, address_of(key)))
        with if_(dentry == 0):
            ret(-Errno.ENOMEM, 0)
        subject, mode = scratch(new.subject), self._masked_mode(new)
        operations = scratch(directory.operations)
        mov(result, operations.create_unnamed(directory, dentry, mode, subject.credentials))
        with if_(result != 0):
            self.dentries.drop(dentry)
            ret(result, 0)
        ret(0, dentry)

    @function(context="thread", sleeps=True)
    def _make_symlink(
        self, new: Ptr[NewName], directory: Ptr[Inode], dentry: Ptr[Dentry]
    ) -> OrErrno[I32]:
        """Make a symbolic link, as `MakeName` says."""
        subject, operations = scratch(new.subject), scratch(directory.operations)
        made = operations.symlink(directory, dentry, new.text, subject.credentials)
        ret(made)

    @function(context="thread", sleeps=True)
    def _make_link(
        self, new: Keep[Ptr[NewName]], directory: Keep[Ptr[Inode]], dentry: Keep[Ptr[Dentry]]
    ) -> OrErrno[I32]:
        """Give an inode one more name, as `MakeName` says."""
        path = scratch(new.path)
        source, mount = scratch(path.dentry), scratch(path.mount)
        asserts(source != 0)
        # The same file system by another mount is refused, too, as by Linux
        fail_if(mount != new.lookup.place.mount, Errno.EXDEV)
        inode = keep(source.inode)
        asserts(inode != 0)
        fail_if(is_type(inode, FileType.DIRECTORY), Errno.EPERM)
        # What has lost its last name can't come back; what never had one may get it (O_TMPFILE)
        fail_if((inode.links == 0) & ((inode.flags & InodeFlag.LINKABLE) == 0), Errno.ENOENT)
        operations = scratch(directory.operations)
        made = keep(operations.link(inode, directory, dentry))
        with if_(self.events.are_watched() & (made == 0)):
            self.events.note_self(inode, FileEvent.ATTRIBUTES)
        ret(made)
