"""Mounting file systems, and changing what is mounted."""

from __future__ import annotations

from collections.abc import Sequence

from kernel.errno import Errno
from kernel.fs.filesystem import FileSystem
from kernel.fs.inode import Inode, SuperBlock, SuperBlockFlag, is_type
from kernel.fs.lookup import Lookup, LookupFlag
from kernel.fs.mode import FileType
from kernel.fs.mount import Mount, MountFlag
from kernel.fs.mountrequest import (
    KINDS,
    KNOWN,
    MOUNT_FLAGS,
    OF_TIMES,
    MountArguments,
    MountRequest,
)
from kernel.fs.mountrights import MountRights
from kernel.fs.mounts import Mounts
from kernel.fs.mounttrees import CopyMode, MountTrees
from kernel.fs.path import Path
from kernel.fs.peergroups import PeerGroups
from kernel.fs.subject import Subject
from kernel.fs.walk import Walk
from kernel.sync.mutex import Mutexes
from kernel.text.strings import Strings
from pykasm import *


class Mounting(Subsystem):
    """What `mount` does. Context: thread."""

    def __init__(
        self,
        walk: Walk,
        mounts: Mounts,
        groups: PeerGroups,
        trees: MountTrees,
        rights: MountRights,
        mutexes: Mutexes,
        strings: Strings,
        kinds: Sequence[FileSystem],
    ) -> None:
        self.walk = walk
        self.mounts = mounts
        self.groups = groups
        self.trees = trees
        self.rights = rights
        self.mutexes = mutexes
        self.strings = strings
        self.kinds = kinds

    @function(context="thread", sleeps=True)
    def mount(self, arguments: Keep[Ptr[MountArguments]]) -> OrErrno[I32]:
        """Do what `arguments` ask for: mount a new file system on what they name, or what is seen
        elsewhere already; or change what is mounted there. Returns 0 or an error."""
        lookup, result, name = local(Lookup), keep(I32), scratch(arguments.target)
        asserts(name != 0)
        try_(self.walk.find(address_of(lookup), arguments.subject, 0, name, LookupFlag.FOLLOW))
        # After the walk, whose errors come first, as with Linux
        mov(result, self.rights.check(arguments.subject))
        with if_(result == 0):
            mov(result, self._run(address_of(lookup), arguments))
        self.walk.end(address_of(lookup))
        ret(result)

    @function(context="thread", sleeps=True)
    def mount_kind(
        self, subject: Ptr[Subject], name: Ptr[U8], kind: Ptr[U8], flags: U32, options: Ptr[U8]
    ) -> OrErrno[I32]:
        """Mount a new file system of a `kind` on `name`, for the kernel itself. Returns 0 or an
        error of `mount`."""
        arguments = local(MountArguments)
        mov(u64(arguments.subject), u64(subject))
        mov(u64(arguments.source), 0)
        mov(u64(arguments.target), u64(name))
        mov(u64(arguments.kind), u64(kind))
        mov(arguments.flags, flags)
        mov(u64(arguments.options), u64(options))
        result = self.mount(address_of(arguments))
        ret(result)

    @function(context="thread", sleeps=True)
    def _run(self, lookup: Keep[Ptr[Lookup]], arguments: Keep[Ptr[MountArguments]]) -> OrErrno[I32]:
        """Do what `mount` does where the walk has come to."""
        flags, result = keep(arguments.flags), keep(I32)
        fail_if(flags & (~KNOWN & 0xFFFF_FFFF), Errno.EINVAL)
        with if_((flags & MountRequest.REMOUNT) == 0):
            with if_(flags & MountRequest.BIND):
                tail(self._with_source, lookup, arguments)
            # The order is Linux's: of several requests the first of these counts
            with if_((flags & int(KINDS)) == 0):
                with if_(flags & MountRequest.MOVE):
                    tail(self._with_source, lookup, arguments)
                tail(self._mount_new, lookup, arguments)
        with self.mutexes.held(self.trees.lock):
            mov(result, self._change(lookup, arguments))
        ret(result)

    # Something new

    @function(context="thread", sleeps=True)
    def _mount_new(
        self, lookup: Keep[Ptr[Lookup]], arguments: Keep[Ptr[MountArguments]]
    ) -> OrErrno[I32]:
        """Mount a new file system where the walk has come to."""
        kind, options, result = scratch(arguments.kind), scratch(arguments.options), keep(I32)
        fail_if(kind == 0, Errno.EINVAL)
        with if_(options == 0):
            mov(options, text(""))
        asserts(options != 0)
        # Before the lock of mounts: making one may take long, and is seen by nobody
        failed, created = self._create(kind, options)
        superblock = keep(created)
        with if_(superblock == 0):
            ret(failed)
        ignore(failed, "there is one")
        # One that was there before is not for this mount to change
        with if_((arguments.flags & MountFlag.READ_ONLY) & (superblock.references.count == 1)):
            or_(superblock.flags, SuperBlockFlag.READ_ONLY)
        flags = self._flags_for(arguments.flags, 0)
        made = keep(try_(self.mounts.create(superblock, flags), Errno.ENOMEM))
        with self.mutexes.held(self.trees.lock):
            mov(result, self._attach(lookup, arguments.subject, made))
        ret(result)

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

    @function
    def _flags_for(self, flags: U32, old: U32) -> U32:
        """Return the flags of a mount for which `flags` are asked, and which had those in `old`:
        those for times of access stay as they were if nothing is said of them."""
        mov(eax, flags)
        and_(eax, int(MOUNT_FLAGS))
        with if_(
            (flags & MountRequest.REMOUNT)
            & ((flags & int(OF_TIMES | MountRequest.STRICT_TIMES)) == 0)
        ):
            # `mount -o remount,ro` says nothing of times, and should change nothing of them
            and_(old, int(OF_TIMES))
            or_(eax, old)
            ret(eax)
        with if_((eax & MountFlag.NO_ACCESS_TIMES) == 0):
            # What mounts have if nothing is said (mount(2), MS_RELATIME)
            or_(eax, MountFlag.RELATIVE_TIMES)
        with if_(flags & MountRequest.STRICT_TIMES):
            and_(eax, ~int(MountFlag.RELATIVE_TIMES | MountFlag.NO_ACCESS_TIMES) & 0xFFFF_FFFF)
        ret(eax)

    @function(context="thread", sleeps=True, holds="trees.lock")
    def _attach(
        self,
        lookup: Keep[Ptr[Lookup]],
        subject: Keep[Ptr[Subject]],
        tree: Keep[Owned[Ptr[Mount]]],
    ) -> OrErrno[I32]:
        """Attach `tree` where the walk has come to, or, if somebody was faster, on what is mounted
        there."""
        # Again, under the lock: others may have mounted here since the walk
        self.walk.go_down(lookup)
        with errdefer(self.trees.discard, tree):
            try_(self.rights.check_place(address_of(lookup.place), subject))
            place, root = scratch(lookup.place.dentry), scratch(tree.root)
            asserts(place != 0)
            # A walk goes on through a directory, and ends at a file: it could not through the other
            # kind
            fail_if(~self._are_alike(place.inode, root.inode), Errno.ENOTDIR)
            try_(self.trees.graft(tree, address_of(lookup.place)))
        disown(tree, "the namespace has it")
        ret(0)

    @function
    def _are_alike(self, one: OrNull[Ptr[Inode]], other: OrNull[Ptr[Inode]]) -> Bool:
        """Return whether both are directories, or neither is."""
        asserts((one != 0) & (other != 0))  # they were found
        with if_(is_type(one, FileType.DIRECTORY)):
            ret(is_type(other, FileType.DIRECTORY))
        ret(~is_type(other, FileType.DIRECTORY))

    # Something that is seen elsewhere

    @function(context="thread", sleeps=True)
    def _with_source(
        self, lookup: Keep[Ptr[Lookup]], arguments: Keep[Ptr[MountArguments]]
    ) -> OrErrno[I32]:
        """Show what is at the source where the walk has come to, too, or there in its stead."""
        source, result, name = local(Lookup), keep(I32), scratch(arguments.source)
        fail_if(name == 0, Errno.EINVAL)
        # An empty name is no place, though the walk would take it for one
        fail_if(at(name) == 0, Errno.EINVAL)
        try_(self.walk.find(address_of(source), arguments.subject, 0, name, LookupFlag.FOLLOW))
        with self.mutexes.held(self.trees.lock):
            with if_(arguments.flags & MountRequest.BIND):
                mov(result, self._bind(lookup, arguments, address_of(source.place)))
            with else_():
                mov(result, self._move(lookup, arguments.subject, address_of(source.place)))
        self.walk.end(address_of(source))
        ret(result)

    @function(context="thread", sleeps=True, holds="trees.lock")
    def _bind(
        self,
        lookup: Keep[Ptr[Lookup]],
        arguments: Keep[Ptr[MountArguments]],
        source: Keep[Ptr[Path]],
    ) -> OrErrno[I32]:
        """Show what is at `source` where the walk has come to, with all that is mounted below it if
        RECURSIVE says so."""
        mount, root = keep(source.mount), keep(source.dentry)
        asserts((mount != 0) & (root != 0))
        # That is what the flag is for
        fail_if(mount.flags & MountFlag.UNBINDABLE, Errno.EINVAL)
        try_(self.rights.check_place(source, arguments.subject))
        release(source)
        made = keep(OrNull[Ptr[Mount]])
        with if_(arguments.flags & MountRequest.RECURSIVE):
            mov(made, self.trees.copy(mount, root, CopyMode.LIKE))
        with else_():
            mov(made, self.trees.copy_one(mount, root, CopyMode.LIKE))
        fail_if(made == 0, Errno.ENOMEM)
        tail(self._attach, lookup, arguments.subject, made)

    @function(context="thread", sleeps=True, holds="trees.lock")
    def _move(
        self, lookup: Keep[Ptr[Lookup]], subject: Keep[Ptr[Subject]], source: Keep[Ptr[Path]]
    ) -> OrErrno[I32]:
        """Move the mount whose root is at `source` to where the walk has come to."""
        self.walk.go_down(lookup)
        place = keep(address_of(lookup.place))
        release(lookup)
        try_(self.rights.check_place(place, subject))
        try_(self.rights.check_root(source, subject))
        release(subject)
        tree, onto = keep(source.mount), keep(place.mount)
        asserts((tree != 0) & (onto != 0))
        parent, point, root = scratch(tree.parent), scratch(place.dentry), scratch(tree.root)
        asserts(point != 0)
        # The root of the namespace stays: `pivot_root` moves it
        fail_if(parent == 0, Errno.EINVAL)
        # Taking it out of a shared mount would have to be done at all peers
        fail_if(parent.group != 0, Errno.EINVAL)
        fail_if(~self._are_alike(point.inode, root.inode), Errno.EINVAL)
        with if_(onto.group != 0):
            # Peers would get copies, which these forbid
            fail_if(self.trees.has_unbindable(tree), Errno.EINVAL)
        # A tree on itself could be reached from nowhere
        fail_if(self._lies_on(onto, tree), Errno.ELOOP)
        tail(self.trees.graft, tree, place)

    @function
    def _lies_on(self, mount: OrNull[Ptr[Mount]], tree: Ptr[Mount]) -> Bool:
        """Return whether `mount` is `tree` or mounted on it, or on that."""
        with while_(mount != 0):
            with if_(mount == tree):
                ret(True)
            mov(mount, mount.parent)
        ret(False)

    # Changes

    @function(context="thread", sleeps=True, holds="trees.lock")
    def _change(
        self, lookup: Keep[Ptr[Lookup]], arguments: Keep[Ptr[MountArguments]]
    ) -> OrErrno[I32]:
        """Change what is mounted where the walk has come to."""
        self.walk.go_down(lookup)
        try_(self.rights.check_root(address_of(lookup.place), arguments.subject))
        mount, flags = keep(lookup.place.mount), keep(arguments.flags)
        asserts(mount != 0)
        with if_((flags & MountRequest.REMOUNT) == 0):
            tail(self._set_kind, mount, flags)
        with if_((flags & MountRequest.BIND) == 0):
            try_(self._configure(mount, arguments))
        with elif_(flags & MountFlag.READ_ONLY):
            fail_if(~self._forbid_writing(mount), Errno.EBUSY)
        flags = keep(self._flags_for(flags, mount.flags))
        with self.mounts.lock.held():
            mov(eax, mount.flags)
            # The rest is the kernel's own
            and_(eax, ~int(MOUNT_FLAGS) & 0xFFFF_FFFF)
            or_(eax, flags)
            mov(mount.flags, eax)
        ret(0)

    @function(context="thread", sleeps=True)
    def _configure(self, mount: Ptr[Mount], arguments: Keep[Ptr[MountArguments]]) -> OrErrno[I32]:
        """Change what the flags and options say of the file system of `mount`. Returns 0; -EINVAL,
        or -EBUSY if it can't become read-only, as files are open for writing, and nothing has
        changed."""
        superblock, old, result = keep(mount.superblock), keep(U32), keep(I32)
        mov(old, superblock.flags)
        with if_(arguments.flags & MountFlag.READ_ONLY):
            fail_if(~self.mounts.make_read_only(superblock), Errno.EBUSY)
        options, operations = scratch(arguments.options), scratch(superblock.operations)
        with if_(options == 0):
            mov(options, text(""))
        asserts(options != 0)
        mov(result, operations.configure(superblock, options))
        with if_(result != 0):
            # All or nothing: options that are wrong leave it writable
            mov(superblock.flags, old)
            ret(result)
        with if_((arguments.flags & MountFlag.READ_ONLY) == 0):
            # Last, when nothing can fail any more
            lock.and_(superblock.flags, ~int(SuperBlockFlag.READ_ONLY) & 0xFFFF_FFFF)
        ret(0)

    @inline(changes=rax)
    def _forbid_writing(self, mount: Ptr[Mount]) -> Condition:
        """Make `mount` read-only unless files are open for writing by it. Returns whether it is."""
        mov(eax, mount.flags)
        lock.or_(mount.flags, MountFlag.READ_ONLY)  # before the look at who writes
        with if_(mount.writers != 0):
            mov(mount.flags, eax)
        return mount.flags & MountFlag.READ_ONLY

    @function
    def _set_kind(self, tree: Keep[Ptr[Mount]], flags: Keep[U32]) -> OrErrno[I32]:
        """Make `tree`, or its root alone, what `flags` say to others. Returns 0; -EINVAL if they
        say more than that."""
        mount, kind = keep(Ptr[Mount]), keep(U32)
        mov(mount, tree)
        mov(kind, flags)
        and_(kind, ~int(MountRequest.RECURSIVE | MountRequest.SILENT) & 0xFFFF_FFFF)
        # A number has one bit alone if it and the number before it have none in common
        lea(eax, bare[u64(kind) - 1])
        # Of no or several kinds nobody knows what is meant
        fail_if((kind & (~int(KINDS) & 0xFFFF_FFFF)) | (kind & eax), Errno.EINVAL)
        with loop():
            with self.mounts.lock.held():
                self._become(mount, kind)
            next = self.trees.next_in(tree, mount)
            with if_((next == 0) | ((flags & MountRequest.RECURSIVE) == 0)):
                ret(0)
            mov(mount, next)

    @function(holds="mounts.lock")
    def _become(self, mount: Keep[Ptr[Mount]], kind: Keep[U32]) -> None:
        """Make `mount` what `kind`, one of `KINDS`, says."""
        with if_(kind == MountRequest.SHARED):
            tail(self.groups.share, mount)
        with if_(kind == MountRequest.SLAVE):
            tail(self.groups.enslave, mount)
        self.groups.isolate(mount)
        and_(mount.flags, ~int(MountFlag.UNBINDABLE) & 0xFFFF_FFFF)
        and_(kind, MountFlag.UNBINDABLE)
        or_(mount.flags, kind)
