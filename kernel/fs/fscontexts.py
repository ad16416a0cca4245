"""Roots and current directories."""

from __future__ import annotations

from kernel.debug.leakcheck import LeakChecks, leak_check
from kernel.fs.fscontext import FsContext
from kernel.fs.mount import MountNamespace
from kernel.fs.mountnamespaces import MountNamespaces
from kernel.fs.path import Path
from kernel.fs.paths import Paths
from kernel.mm.slabs import SlabCache, Slabs
from pykasm import *

FIRST_UMASK = 0o022
"""That of the first process."""


class FsContexts(LeakChecks):
    """Makes, copies, changes and frees `FsContext`s. Context: thread."""

    count = bss(U64)

    def __init__(self, slabs: Slabs, paths: Paths, namespaces: MountNamespaces) -> None:
        self.paths = paths
        self.namespaces = namespaces
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
        context = scratch(try_(self.records.allocate()))
        mov(rdx, context)
        mov(rdi, context)
        xor(eax, eax)
        mov(ecx, sizeof(FsContext) // sizeof(U64))
        rep.stosq()
        made = scratch(cast(rdx, Ptr[FsContext]))
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
