"""Roots and current directories."""

from __future__ import annotations

from kernel.debug.leakcheck import LeakChecks, leak_check
from kernel.fs.fscontext import FsContext
from kernel.fs.mount import MountNamespace
from kernel.fs.mountnamespaces import MountNamespaces
from kernel.fs.mounttrees import MountTrees
from kernel.fs.path import Path
from kernel.fs.paths import Paths
from kernel.mm.slabs import SlabCache, Slabs
from kernel.sync.mutex import Mutexes
from pykasm import *

FIRST_UMASK = 0o022
"""That of the first process."""


class FsContexts(LeakChecks):
    """Makes, copies, changes and frees `FsContext`s. Context: thread."""

    count = bss(U64)

    def __init__(
        self,
        slabs: Slabs,
        paths: Paths,
        namespaces: MountNamespaces,
        trees: MountTrees,
        mutexes: Mutexes,
    ) -> None:
        self.paths = paths
        self.namespaces = namespaces
        self.trees = trees
        self.mutexes = mutexes
        self.records = SlabCache(slabs, "file-system context", FsContext)
        self.leak_checks = [leak_check("file-system contexts", self.used_count)]

    @function
    def used_count(self) -> U64:
        """Return the number of contexts."""
        ret(self.count)

    @function
    def create(
        self, namespace: Keep[Owned[Ptr[MountNamespace]]], umask: Keep[U32]
    ) -> Owned[OrNull[Ptr[FsContext]]]:
        """Return a context that is at the root of `namespace`, whose reference goes to it; null
        without memory, and that is dropped."""
        errdefer(self.namespaces.drop, namespace)
        context = keep(try_(self._allocate()))
        mov(context.umask, umask)
        with unshared(context):
            self.namespaces.get_root(namespace, address_of(context.root))
            self.paths.copy(address_of(context.current), address_of(context.root))
        mov(context.namespace, namespace)
        ret(context)

    @function
    def _allocate(self) -> Owned[OrNull[Ptr[FsContext]]]:
        """Return a context of zeros with one reference, or null without memory."""
        made = scratch(try_(self.records.allocate_zeroed()))
        made.references.start()
        lock.inc(self.count)
        ret(made)

    @function
    def clone(self, context: Keep[Ptr[FsContext]]) -> Owned[OrNull[Ptr[FsContext]]]:
        """Return a context that is where `context` is, for a process of its own; null without
        memory."""
        made = keep(try_(self._allocate()))
        mov(eax, context.umask)
        mov(made.umask, eax)
        namespace = scratch(context.namespace)
        namespace.references.gain()
        mov(made.namespace, namespace)
        self.get_root(context, address_of(made.root))
        self.get_current(context, address_of(made.current))
        ret(made)

    @function(context="thread", sleeps=True)
    def clone_apart(self, context: Keep[Ptr[FsContext]]) -> Owned[OrNull[Ptr[FsContext]]]:
        """Return a context that is where `context` is, in a mount namespace of its own that is a
        copy of the other one; null without memory."""
        made = keep(try_(self.clone(context)))
        result = keep(Bool)
        with self.mutexes.held(self.trees.lock):
            mov(result, self._separate(made))
        with if_(result == 0):
            self.drop(made)
            ret(0)
        ret(made)

    @function(context="thread", holds="trees.lock")
    def _separate(self, context: Keep[Ptr[FsContext]]) -> Bool:
        """Move `context`, which nobody uses yet, into a copy of its mount namespace. Returns
        whether there was memory."""
        old = keep(context.namespace)
        namespace = keep(try_(self.namespaces.copy(old)))
        for path in ("root", "current"):
            with unshared(context):
                self._follow_copy(address_of(getattr(context, path)), old)
        xchg(context.namespace, namespace)
        self.namespaces.drop(namespace)
        ret(True)

    @function(context="thread")
    def _follow_copy(self, path: Keep[Ptr[Path]], namespace: Ptr[MountNamespace]) -> None:
        """Move `path`, if it is in `namespace`, to the copy of its mount."""
        mount = scratch(path.mount)
        asserts(mount != 0)
        with if_(mount.namespace == namespace):
            copy = scratch(mount.copy)
            asserts(copy != 0)  # all of the namespace were copied
            copy.references.gain()
            xchg(path.mount, copy)
            with if_(copy != 0):
                self.paths.mounts.drop(copy)

    @function(context="thread")
    def drop(self, context: Owned[Ptr[FsContext]]) -> None:
        """Drop a reference to `context`."""
        with if_(context.references.drop()):
            tail(self.free, context)

    @function(context="thread")
    def free(self, context: Keep[Owned[Ptr[FsContext]]]) -> None:
        """Free `context`, which nobody has any more."""
        with unshared(context):
            self.paths.drop(address_of(context.root))
            self.paths.drop(address_of(context.current))
        self.namespaces.drop(context.namespace)
        self.records.free(context)
        lock.dec(self.count)
        self.namespaces.free_left()

    @function(context="thread")
    def enter(
        self, context: Keep[Ptr[FsContext]], namespace: Keep[Owned[Ptr[MountNamespace]]]
    ) -> None:
        """Move `context`, which nobody uses yet, to the root of `namespace`."""
        path = local(Path)
        mov(u64(path.mount), 0)
        mov(u64(path.dentry), 0)
        self.namespaces.get_root(namespace, address_of(path))
        self.set_root(context, address_of(path))
        self.set_current(context, address_of(path))
        self.paths.drop(address_of(path))
        xchg(context.namespace, namespace)
        self.namespaces.drop(namespace)

    @function
    def is_at(self, context: Ptr[FsContext], place: Ptr[Path]) -> Bool:
        """Return whether `place` is the root or the current directory."""
        context, place, found = scratch(context), scratch(place), scratch(Bool)
        xor(found, found)
        with context.lock.held():
            for path in (context.root, context.current):
                mov(rax, place.dentry)
                mov(rcx, place.mount)
                with if_((rax == u64(path.dentry)) & (rcx == u64(path.mount))):
                    mov(found, 1)
        ret(found)

    @function(context="thread")
    def move(
        self, context: Keep[Ptr[FsContext]], place: Keep[Ptr[Path]], other: Keep[Ptr[Path]]
    ) -> None:
        """Move the root and the current directory to `other`, as far as they are at `place`."""
        path = local(Path)
        for get, change in (
            (self.get_root, self.set_root),
            (self.get_current, self.set_current),
        ):
            mov(u64(path.mount), 0)
            mov(u64(path.dentry), 0)
            get(context, address_of(path))
            mov(rax, u64(path.dentry))
            mov(rcx, u64(path.mount))
            with if_((rax == u64(place.dentry)) & (rcx == u64(place.mount))):
                change(context, other)
            self.paths.drop(address_of(path))

    # Where it is

    @function
    def get_root(self, context: Keep[Ptr[FsContext]], path: Keep[Filled[Ptr[Path]]]) -> None:
        """Make `path`, which is nowhere, a reference to the root."""
        with context.lock.held():
            self.paths.copy(path, address_of(context.root))

    @function
    def get_current(self, context: Keep[Ptr[FsContext]], path: Keep[Filled[Ptr[Path]]]) -> None:
        """Make `path`, which is nowhere, a reference to the current directory."""
        with context.lock.held():
            self.paths.copy(path, address_of(context.current))

    @function(context="thread")
    def set_current(self, context: Keep[Ptr[FsContext]], path: Keep[Ptr[Path]]) -> None:
        """Make `path` the current directory."""
        fresh = local(Path)
        self._copy(fresh, path)
        with context.lock.held():
            self._exchange(fresh, context.current)
        self.paths.drop(address_of(fresh))

    @function(context="thread")
    def set_root(self, context: Keep[Ptr[FsContext]], path: Keep[Ptr[Path]]) -> None:
        """Make `path` the root."""
        fresh = local(Path)
        self._copy(fresh, path)
        with context.lock.held():
            self._exchange(fresh, context.root)
        self.paths.drop(address_of(fresh))

    @inline(changes=CALLER_SAVED)
    def _copy(self, fresh: Path, path: Ptr[Path]) -> None:
        """Make `fresh`, new memory, a reference to `path`."""
        mov(u64(fresh.mount), 0)
        mov(u64(fresh.dentry), 0)
        self.paths.copy(address_of(fresh), path)

    @inline(changes=rax)
    def _exchange(self, one: Path, other: Path) -> None:
        """Exchange two paths."""
        mov(rax, one.mount)
        xchg(other.mount, rax)
        mov(one.mount, rax)
        mov(rax, one.dentry)
        xchg(other.dentry, rax)
        mov(one.dentry, rax)
