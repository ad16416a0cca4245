"""Another root for everybody."""

from __future__ import annotations

from kernel.errno import Errno
from kernel.fs.inode import is_type
from kernel.fs.lookup import Lookup, LookupFlag
from kernel.fs.mode import FileType
from kernel.fs.mount import Mount
from kernel.fs.mountrights import MountRights
from kernel.fs.mounts import Mounts
from kernel.fs.mounttrees import MountTrees
from kernel.fs.path import Path
from kernel.fs.paths import Paths
from kernel.fs.subject import Subject
from kernel.fs.walk import Walk
from kernel.sync.mutex import Mutexes
from pykasm import *


class Pivot(Struct):
    """The roots that are exchanged."""

    root: Lookup
    """A walk that stands at the old one."""
    new: Lookup
    old: Lookup
    """Where the old one comes to."""


class RootPivot(Subsystem):
    """Exchanges the root mount for another one (pivot_root(2)). Context: thread."""

    def __init__(
        self,
        walk: Walk,
        mounts: Mounts,
        trees: MountTrees,
        rights: MountRights,
        paths: Paths,
        mutexes: Mutexes,
    ) -> None:
        self.walk = walk
        self.mounts = mounts
        self.trees = trees
        self.rights = rights
        self.paths = paths
        self.mutexes = mutexes

    @function(context="thread", sleeps=True)
    def pivot(
        self,
        pivot: Keep[Ptr[Pivot]],
        subject: Keep[Ptr[Subject]],
        new: Keep[Ptr[U8]],
        old: Keep[Ptr[U8]],
    ) -> OrErrno[I32]:
        """Make the mount at `new` the root, in whose place it comes, and put that one at `old`.
        Returns 0, and the caller moves those who are at the old root, and ends `pivot`; or an
        error."""
        try_(self.rights.check(subject))
        try_(self._find(address_of(pivot.root), subject, text("/")))
        with errdefer(self.walk.end, address_of(pivot.root)):
            try_(self._find(address_of(pivot.new), subject, new))
            with errdefer(self.walk.end, address_of(pivot.new)):
                try_(self._find(address_of(pivot.old), subject, old))
                with errdefer(self.walk.end, address_of(pivot.old)):
                    try_(self._exchange(pivot, subject))
        ret(0)

    @function(context="thread")
    def end(self, pivot: Keep[Ptr[Pivot]]) -> None:
        """Drop what `pivot` has."""
        for lookup in (pivot.root, pivot.new, pivot.old):
            self.walk.end(address_of(lookup))

    @function(context="thread", sleeps=True)
    def _find(
        self, lookup: Keep[Ptr[Lookup]], subject: Ptr[Subject], name: Ptr[U8]
    ) -> OrErrno[I32]:
        """Walk to the directory `name`."""
        try_(self.walk.find(lookup, subject, 0, name, LookupFlag.FOLLOW))
        dentry = scratch(lookup.place.dentry)
        asserts(dentry != 0)
        inode = scratch(dentry.inode)
        asserts(inode != 0)  # walks only come to positive entries
        with errdefer(self.walk.end, lookup):
            fail_if(~is_type(inode, FileType.DIRECTORY), Errno.ENOTDIR)
        ret(0)

    @function(context="thread", sleeps=True)
    def _exchange(self, pivot: Keep[Ptr[Pivot]], subject: Keep[Ptr[Subject]]) -> OrErrno[I32]:
        """Exchange the mounts."""
        result = keep(I32)
        with self.mutexes.held(self.trees.lock):
            self.walk.go_down(address_of(pivot.old))
            mov(result, self._check(pivot, subject))
            with if_(result == 0):
                self._attach(pivot)
        ret(result)

    @function
    def _check(self, pivot: Keep[Ptr[Pivot]], subject: Keep[Ptr[Subject]]) -> OrErrno[I32]:
        """Return 0 if the mounts may be exchanged, or an error."""
        root, new = keep(pivot.root.place.mount), keep(pivot.new.place.mount)
        old = scratch(pivot.old.place.mount)
        asserts((root != 0) & (new != 0) & (old != 0))
        fail_if((new == root) | (old == root), Errno.EBUSY)
        fail_if(old.group != 0, Errno.EINVAL)
        for mount in (root, new):
            parent = scratch(mount.parent)
            fail_if(parent == 0, Errno.EINVAL)
            fail_if(parent.group != 0, Errno.EINVAL)
            release(parent)
        for lookup in (pivot.root, pivot.new):
            try_(self.rights.check_root(address_of(lookup.place), subject))
        old = address_of(pivot.old.place)
        fail_if(~self.mounts.lies_below(old, address_of(pivot.new.place)), Errno.EINVAL)
        new = address_of(pivot.new.place)
        fail_if(~self.mounts.lies_below(new, address_of(pivot.root.place)), Errno.EINVAL)
        ret(0)

    @function(context="thread")
    def _attach(self, pivot: Keep[Ptr[Pivot]]) -> None:
        """Give the new root the place of the old one, and that one its own."""
        place, left = local(Path), local(Path)
        root, new = keep(pivot.root.place.mount), keep(pivot.new.place.mount)
        asserts((root != 0) & (new != 0))
        for path in (place, left):
            mov(u64(path.mount), 0)
            mov(u64(path.dentry), 0)
        with self.mounts.lock.held():
            self.mounts.detach(new, address_of(left))
            self.mounts.detach(root, address_of(place))
            self._put(root, address_of(pivot.old.place))
            self._put(new, address_of(place))
        self.paths.drop(address_of(place))
        self.paths.drop(address_of(left))

    @function(holds="mounts.lock")
    def _put(self, mount: Keep[Ptr[Mount]], place: Ptr[Path]) -> None:
        """Attach `mount` at `place`."""
        onto, point = scratch(place.mount), scratch(place.dentry)
        asserts((onto != 0) & (point != 0))
        self.mounts.attach(mount, onto, point)
