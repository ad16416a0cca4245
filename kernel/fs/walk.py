"""The walk along a name, from directory to directory (path_resolution(7))."""

from __future__ import annotations

from kernel.errno import Errno
from kernel.fs.credentials import Credentials
from kernel.fs.dentries import Dentries
from kernel.fs.fscontexts import FsContexts
from kernel.fs.inode import NAME_MAX, Dentry, DentryFlag, Inode, SuperBlockFlag, is_type
from kernel.fs.lookup import MOST_LINKS, SCOPED, LastPart, LinkText, Lookup, LookupFlag
from kernel.fs.mode import Access, FileType
from kernel.fs.mount import Mount, MountFlag
from kernel.fs.mounts import Mounts
from kernel.fs.namekey import NameKey
from kernel.fs.path import Path
from kernel.fs.paths import Paths
from kernel.fs.permissions import Permissions
from kernel.fs.subject import Subject
from kernel.mm.heap import Heap
from kernel.mm.pages import Pages
from kernel.paging.addresses import direct, physical_of
from kernel.sync.mutex import Mutexes
from pykasm import *

SLASH, DOT = ord("/"), ord(".")


class Walk(Subsystem):
    """Finds what names lead to. All calls with names come here: mounts, symbolic links, `..`,
    slashes and rights to search directories are handled nowhere else.

    Names are the kernel's copies. Each step takes a reference to where it leads before it drops
    that to where it was; so a directory on the way may be renamed or removed meanwhile. Context:
    thread.
    """

    def __init__(
        self,
        dentries: Dentries,
        mounts: Mounts,
        paths: Paths,
        contexts: FsContexts,
        permissions: Permissions,
        mutexes: Mutexes,
        heap: Heap,
        pages: Pages,
    ) -> None:
        self.dentries = dentries
        self.mounts = mounts
        self.paths = paths
        self.contexts = contexts
        self.permissions = permissions
        self.mutexes = mutexes
        self.heap = heap
        self.pages = pages

    # Beginning and ending

    @function(context="thread", sleeps=True)
    def find(
        self,
        lookup: Keep[Filled[Ptr[Lookup]]],
        subject: Ptr[Subject],
        start: OrNull[Ptr[Path]],
        name: Ptr[U8],
        flags: U32,
    ) -> OrErrno[I32]:
        """Walk along `name` from `start`, the current directory if that is null. Returns 0, and the
        caller ends `lookup`, whose `place` is where the name leads, or with PARENT the directory of
        its last part. Other results are errors, and `lookup` has ended."""
        self._begin(lookup, subject, start, name, flags)
        with errdefer(self.end, lookup):
            try_(self._walk_from(lookup))
        ret(0)

    @function
    def _begin(
        self,
        lookup: Keep[Ptr[Lookup]],
        subject: Keep[Ptr[Subject]],
        start: Keep[OrNull[Ptr[Path]]],
        name: Keep[Ptr[U8]],
        flags: U32,
    ) -> None:
        """Prepare a walk."""
        mov(lookup.flags, flags)
        xor(eax, eax)
        mov(lookup.links, eax)
        mov(lookup.last, eax)
        for one in (lookup.place, lookup.root):
            # `end` drops what is not null
            mov(u64(one.mount), rax)
            mov(u64(one.dentry), rax)
        mov(u64(lookup.texts), rax)
        mov(lookup.rest, name)
        mov(rax, subject.credentials)
        mov(lookup.credentials, rax)
        mov(rax, subject.context)
        mov(lookup.context, rax)
        release(subject)
        place, context = keep(address_of(lookup.place)), scratch(lookup.context)
        with if_((at(name) == SLASH) & ((lookup.flags & LookupFlag.IN_ROOT) == 0)):
            self.contexts.get_root(context, place)
        with elif_(start != 0):
            self.paths.copy(place, start)
        with else_():
            self.contexts.get_current(context, place)
        with if_(lookup.flags & int(SCOPED)):
            # Such a walk has its start for a root, whatever that of the task is
            self.paths.copy(address_of(lookup.root), place)
        mov(rax, u64(lookup.place.mount))
        # An address to compare with alone: it may be of a mount that is gone
        mov(lookup.first, rax)

    @function
    def need_root(self, lookup: Ptr[Lookup]) -> None:
        """Find out which root the walk does not leave, unless that is known."""
        with if_(u64(lookup.root.dentry) == 0):
            tail(self.contexts.get_root, lookup.context, address_of(lookup.root))

    @function
    def _walk_from(self, lookup: Ptr[Lookup]) -> OrErrno[I32]:
        """Begin to walk, unless there is nothing to walk along."""
        name = scratch(lookup.rest)
        with if_(at(name) == 0):
            # An empty name leads nowhere (POSIX.1, 4.13), unless the call takes it for the start
            with if_(lookup.flags & LookupFlag.EMPTY):
                ret(0)
            ret(-Errno.ENOENT)
        with if_(at(name) == SLASH):
            fail_if(lookup.flags & LookupFlag.BENEATH, Errno.EXDEV)
        tail(self.go_on, lookup)

    @function(context="thread")
    def end(self, lookup: Keep[Ptr[Lookup]]) -> None:
        """Drop all references of a walk."""
        with if_(u64(lookup.place.dentry) != 0):  # else a file that was opened has it
            self.paths.drop(address_of(lookup.place))
        with if_(u64(lookup.root.dentry) != 0):
            self.paths.drop(address_of(lookup.root))
        with while_(lookup.texts != 0):
            self._leave_text(lookup)

    # Walking

    @function(context="thread", sleeps=True)
    def go_on(self, lookup: Keep[Ptr[Lookup]]) -> OrErrno[I32]:
        """Walk along what is left of the name. Returns 0 or an error."""
        with loop():
            mov(lookup.last, try_(self._next_part(lookup)))
            with if_(lookup.last == LastPart.NONE):
                tail(self._check_end, lookup)
            self._note_last(lookup)
            with if_((lookup.flags & LookupFlag.LAST) & (lookup.flags & LookupFlag.PARENT)):
                ret(0)
            try_(self.step(lookup))

    @function
    def _next_part(self, lookup: Keep[Ptr[Lookup]]) -> OrErrno[I32]:
        """Go on to the next part of the name, in the directory where the walk is. Returns which
        `LastPart` it would be, NONE if there is none; or an error: this is no directory, it may not
        be searched, or the part is too long."""
        text, dentry = keep(self._skip_slashes(lookup)), keep(lookup.place.dentry)
        with if_(at(text) == 0):
            ret(LastPart.NONE)
        asserts(dentry != 0)
        mov(lookup.key.parent, dentry)
        mov(lookup.key.text, text)
        try_(self._check_searchable(dentry, lookup.credentials))
        # Before the part is looked at: who may not search learns nothing, not even of `.`
        lookup.key.measure()
        length = scratch(lookup.key.length)
        fail_if(length > NAME_MAX, Errno.ENAMETOOLONG)
        lea(rax, text[length])
        mov(lookup.rest, rax)
        with if_((at(text) == DOT) & (length == 1)):
            ret(LastPart.DOT)
        with if_((u16(at(text)) == DOT | DOT << 8) & (length == 2)):
            ret(LastPart.DOT_DOT)
        ret(LastPart.NAME)

    @function
    def _skip_slashes(self, lookup: Keep[Ptr[Lookup]]) -> Ptr[U8]:
        """Go past slashes, and from the ends of links' texts to where these stood. Returns where
        the next part begins; a zero is there at the end of all."""
        with loop():
            text = scratch(lookup.rest)
            with while_(at(text) == SLASH):
                inc(text)
            mov(lookup.rest, text)
            with if_((at(text) != 0) | (lookup.texts == 0)):
                ret(text)
            self._leave_text(lookup)

    @function
    def _check_searchable(self, dentry: Ptr[Dentry], credentials: Ptr[Credentials]) -> OrErrno[I32]:
        """Return 0 if `dentry` is a directory in which names may be looked up, or an error."""
        inode = scratch(dentry.inode)
        asserts(inode != 0)  # walks only come to positive entries
        fail_if(~is_type(inode, FileType.DIRECTORY), Errno.ENOTDIR)
        tail(self.permissions.check, inode, Access.EXECUTE, credentials)

    @function
    def _note_last(self, lookup: Ptr[Lookup]) -> None:
        """Note whether the part is the last one, and slashes after it."""
        and_(lookup.flags, ~int(LookupFlag.LAST))
        text, outer, slash = scratch(lookup.rest), scratch(lookup.texts), scratch(U32)
        xor(slash, slash)
        with loop():
            with while_(at(text) == SLASH):
                mov(slash, LookupFlag.SLASH)
                inc(text)
            with if_(at(text) != 0):
                ret()
            # The text of a link may end here, and the name go on where the link stood
            break_if(outer == 0)
            mov(text, outer.rest)
            mov(outer, outer.outer)
        or_(slash, LookupFlag.LAST)
        or_(lookup.flags, slash)

    @function
    def _check_end(self, lookup: Ptr[Lookup]) -> OrErrno[I32]:
        """Return 0 where a name may end; -ENOTDIR if it ends with a slash and leads to no
        directory."""
        with if_((lookup.flags & LookupFlag.SLASH) == 0):
            ret(0)
        dentry = scratch(lookup.place.dentry)
        asserts(dentry != 0)
        inode = scratch(dentry.inode)
        asserts(inode != 0)  # walks only come to positive entries
        fail_if(~is_type(inode, FileType.DIRECTORY), Errno.ENOTDIR)
        ret(0)

    # Steps

    @function(context="thread", sleeps=True)
    def step(self, lookup: Keep[Ptr[Lookup]]) -> OrErrno[I32]:
        """Go to the part of the name at which the walk is. Returns what `enter` does."""
        with if_(lookup.last == LastPart.DOT):
            ret(0)
        with if_(lookup.last == LastPart.DOT_DOT):
            tail(self._go_up, lookup)
        result, dentry = self._child(lookup)
        with if_(dentry == 0):
            ret(result)
        ignore(result, "there is an entry")
        tail(self.enter, lookup, dentry)

    @function(context="thread", sleeps=True)
    def enter(self, lookup: Keep[Ptr[Lookup]], dentry: Keep[Owned[Ptr[Dentry]]]) -> OrErrno[I32]:
        """Go to `dentry`, an entry of the directory where the walk is. Returns 0; 1 where it is a
        symbolic link that is to be followed: the walk is at the start of its text then; an
        error."""
        with errdefer(self.dentries.drop, dentry):
            inode = scratch(dentry.inode)
            fail_if(inode == 0, Errno.ENOENT)
            # Before `place` changes: relative texts begin where the link is, not at the link
            with if_(self._is_followed(lookup, inode)):
                result = keep(try_(self._follow(lookup, inode)))
                self.dentries.drop(dentry)
                ret(result)
        old = scratch(dentry)
        xchg(lookup.place.dentry, old)
        with if_(old != 0):
            self.dentries.drop(old)
        self.go_down(lookup)
        tail(self._check_crossing, lookup)

    @function
    def _check_crossing(self, lookup: Ptr[Lookup]) -> OrErrno[I32]:
        """Return 0, or -EXDEV if the walk has come to another mount and must not."""
        mov(rax, lookup.first)
        with if_(u64(lookup.place.mount) != rax):
            fail_if(lookup.flags & LookupFlag.NO_CROSSING, Errno.EXDEV)
        ret(0)

    @inline(changes=rax)
    def _is_followed(self, lookup: Ptr[Lookup], inode: Ptr[Inode]) -> Condition:
        """Return whether the walk goes along the text of `inode`, and not to it."""
        return is_type(inode, FileType.SYMLINK) & (
            ((lookup.flags & LookupFlag.LAST) == 0)
            | (lookup.flags & (LookupFlag.FOLLOW | LookupFlag.SLASH))
        )

    @function(context="thread", sleeps=True)
    def _child(self, lookup: Keep[Ptr[Lookup]]) -> tuple[OrErrno[I32], Owned[OrNull[Ptr[Dentry]]]]:
        """Return 0 and a reference to the entry at which the walk is; or an error and null."""
        dentry = self.dentries.find(address_of(lookup.key))
        with if_(dentry != 0):
            ret(0, dentry)
        parent = scratch(lookup.key.parent)
        inode, result, found = keep(parent.inode), keep(I32), keep(Ptr[Dentry])
        asserts(inode != 0)
        superblock = scratch(inode.superblock)
        # All its names are in memory: what the table has not is not there, and no lock is needed
        with if_(superblock.flags & SuperBlockFlag.IN_MEMORY):
            ret(-Errno.ENOENT, 0)
        with if_(lookup.flags & LookupFlag.CACHED):
            ret(-Errno.EAGAIN, 0)
        with self.mutexes.held(inode.lock):
            # Another thread may have looked the same up meanwhile: `look_up` asks the table once
            # more
            made, child = self.look_up(inode, address_of(lookup.key))
            mov(result, made)
            mov(found, child)
        ret(result, found)

    @function(context="thread", sleeps=True)
    def look_up(
        self, directory: Keep[Ptr[Inode]], key: Keep[Ptr[NameKey]]
    ) -> tuple[OrErrno[I32], Owned[OrNull[Ptr[Dentry]]]]:
        """Return 0 and a reference to an entry of `directory`, whose lock the caller holds: one in
        memory, one that the file system finds, or a negative one that can't be found yet. Else an
        error and null."""
        dentry, result = keep(self.dentries.find(key)), keep(I32)
        with if_(dentry != 0):
            ret(0, dentry)
        mov(dentry, self.dentries.create(directory.superblock, key))
        with if_(dentry == 0):
            ret(-Errno.ENOMEM, 0)
        operations = scratch(directory.operations)
        mov(result, operations.look_up(directory, dentry))
        with if_(result != 0):
            self.dentries.drop(dentry)
            ret(result, 0)
        superblock = scratch(directory.superblock)
        with if_((dentry.inode != 0) & ((superblock.flags & SuperBlockFlag.UNCACHED) == 0)):
            self.dentries.add(dentry)
        ret(0, dentry)

    @function(context="thread", sleeps=True)
    def go_down(self, lookup: Keep[Ptr[Lookup]]) -> None:
        """Go to the root of what is mounted on the place, and on that."""
        with loop():
            dentry, mount = scratch(lookup.place.dentry), scratch(lookup.place.mount)
            asserts((dentry != 0) & (mount != 0))
            break_if((dentry.flags & DentryFlag.MOUNTED) == 0)
            child = keep(self.mounts.child_at(mount, dentry))
            break_if(child == 0)
            with if_(
                (child.flags & MountFlag.EXPIRING) & ((lookup.flags & LookupFlag.UNNOTICED) == 0)
            ):
                # Somebody has come: it is in use, and does not expire
                lock.and_(child.flags, ~int(MountFlag.EXPIRING) & 0xFFFF_FFFF)
            self.paths.drop(address_of(lookup.place))
            # `child` has a reference already, so that it stays when the last of the old place is
            # dropped
            root = scratch(child.root)
            root.references.gain()
            mov(lookup.place.mount, child)
            mov(lookup.place.dentry, root)
            release(child, root)

    @function(context="thread", sleeps=True)
    def _go_up(self, lookup: Keep[Ptr[Lookup]]) -> OrErrno[I32]:
        """Go to the directory above; where the walk may not go up, stay. Returns 0 or an error."""
        self.need_root(lookup)
        with loop():
            dentry, mount = keep(lookup.place.dentry), keep(lookup.place.mount)
            asserts((dentry != 0) & (mount != 0))
            # `..` of the root is the root (POSIX.1, 4.13)
            with if_((dentry == lookup.root.dentry) & (mount == lookup.root.mount)):
                fail_if(lookup.flags & LookupFlag.BENEATH, Errno.EXDEV)
                break_()
            with if_(dentry != mount.root):
                parent = self.dentries.parent_of(dentry)
                break_if(parent == 0)
                xchg(lookup.place.dentry, parent)
                self.dentries.drop(parent)
                break_()
            break_if(~self._leave_mount(lookup, mount))
            release(dentry, mount)
        with if_(lookup.flags & int(SCOPED)):
            # What the walk has gone through may have been moved to somewhere else meanwhile
            place, root = address_of(lookup.place), address_of(lookup.root)
            fail_if(~self.mounts.lies_below(place, root), Errno.EAGAIN)
        self.go_down(lookup)
        tail(self._check_crossing, lookup)

    @function(context="thread", sleeps=True)
    def _leave_mount(self, lookup: Keep[Ptr[Lookup]], mount: Ptr[Mount]) -> Bool:
        """Go to where `mount`, in which the walk is, is attached. Returns whether it is."""
        above = local(Path)
        with if_(~self.mounts.point_of(mount, address_of(above))):
            ret(False)
        self.paths.drop(address_of(lookup.place))
        mov(rax, above.mount)
        mov(lookup.place.mount, rax)
        mov(rax, above.dentry)
        mov(lookup.place.dentry, rax)
        ret(True)

    # Symbolic links

    @function(context="thread", sleeps=True)
    def _follow(self, lookup: Keep[Ptr[Lookup]], inode: Keep[Ptr[Inode]]) -> OrErrno[I32]:
        """Follow the symbolic link `inode`. Returns 0 if the walk is where it leads, 1 if it is at
        the start of its text; or an error."""
        inc(lookup.links)
        fail_if(lookup.links > MOST_LINKS, Errno.ELOOP)
        mount = scratch(lookup.place.mount)
        asserts(mount != 0)
        fail_if(mount.flags & MountFlag.NO_SYMLINKS, Errno.ELOOP)
        release(mount)
        fail_if(lookup.flags & LookupFlag.NO_SYMLINKS, Errno.ELOOP)
        text = scratch(inode.text)
        with if_(text != 0):
            tail(self._push_text, lookup, text, inode.size)
        place, operations = local(Path), scratch(inode.operations)
        mov(place.mount, 0)
        mov(place.dentry, 0)
        with if_(try_(operations.follow(inode, address_of(place))) != 0):
            tail(self._push_made_text, lookup, inode)
        self.paths.drop(address_of(lookup.place))
        copy_fields(lookup.place, place, "mount", "dentry")
        fail_if(lookup.flags & LookupFlag.NO_MAGIC, Errno.ELOOP)
        # It leads there without any names in between, which could be anywhere
        fail_if(lookup.flags & int(SCOPED), Errno.EXDEV)
        tail(self._check_crossing, lookup)

    @function(context="thread", sleeps=True)
    def _push_made_text(self, lookup: Keep[Ptr[Lookup]], inode: Keep[Ptr[Inode]]) -> OrErrno[I32]:
        """Go on along what the link `inode`, which has no text of its own, tells at present.
        Returns 1 or an error."""
        result = keep(I32)
        page = keep(try_(self.pages.allocate_page(), Errno.ENOMEM))
        direct(page)
        operations = scratch(inode.operations)
        length = operations.read_link(inode, cast(page, Ptr[U8]))
        mov(result, i32(length))
        with if_(length >= 0):
            mov(result, self._push_text(lookup, cast(page, Ptr[U8]), u64(length)))
        physical_of(page)
        self.pages.free_page(page)
        ret(result)

    @function(context="thread")
    def _push_text(
        self, lookup: Keep[Ptr[Lookup]], text: Keep[Ptr[U8]], length: Keep[U64]
    ) -> OrErrno[I32]:
        """Go on along `text`, of `length` bytes and a zero, and then along what is left. Returns 1
        or an error."""
        fail_if(length == 0, Errno.ENOENT)
        lea(rdi, bare[length + (offsetof(LinkText, "text") + 1)])
        record = scratch(cast(try_(self.heap.allocate(rdi), Errno.ENOMEM), Ptr[LinkText]))
        lea(rdi, record.text)
        mov(rsi, text)
        lea(rcx, bare[length + 1])
        rep.movsb()
        mov(rax, lookup.texts)
        # Texts are a stack: links in links need no recursion, and `rest` is where each was left
        mov(record.outer, rax)
        mov(rax, lookup.rest)
        mov(record.rest, rax)
        lea(rax, record.text)
        mov(lookup.rest, rax)
        mov(lookup.texts, record)
        with if_(record.text[0] == SLASH):
            fail_if(lookup.flags & LookupFlag.BENEATH, Errno.EXDEV)
            self.need_root(lookup)
            self.paths.drop(address_of(lookup.place))
            self.paths.copy(address_of(lookup.place), address_of(lookup.root))
            try_(self._check_crossing(lookup))
        ret(1)

    @function
    def _leave_text(self, lookup: Ptr[Lookup]) -> None:
        """Go on after the link whose text the walk is in."""
        record = scratch(lookup.texts)
        asserts(record != 0)
        mov(rax, record.outer)
        mov(lookup.texts, rax)
        mov(rax, record.rest)
        mov(lookup.rest, rax)
        tail(self.heap.free, u64(record))
