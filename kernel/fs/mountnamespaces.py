"""What processes see of all mounts."""

from __future__ import annotations

from kernel.debug.leakcheck import LeakChecks, leak_check
from kernel.fs.mount import Mount, MountNamespace
from kernel.fs.mounts import Mounts
from kernel.fs.path import Path
from kernel.mm.slabs import SlabCache, Slabs
from pykasm import *


class MountNamespaces(LeakChecks):
    """Makes and frees mount namespaces. Context: thread."""

    count = bss(U64)

    def __init__(self, slabs: Slabs, mounts: Mounts) -> None:
        self.mounts = mounts
        self.records = SlabCache(slabs, "mount namespace", MountNamespace)
        self.leak_checks = [leak_check("mount namespaces", self.used_count)]

    @function
    def used_count(self) -> U64:
        """Return the number of namespaces."""
        ret(self.count)

    @function
    def create(self, root: Keep[Owned[Ptr[Mount]]]) -> Owned[OrNull[Ptr[MountNamespace]]]:
        """Return a namespace of one mount, whose reference goes to it; null without memory, and
        that is dropped."""
        errdefer(self.mounts.drop, root)
        namespace = keep(try_(self.records.allocate()))
        namespace.references.start()
        self.mounts.attach_root(root, namespace)
        lock.inc(self.count)
        ret(namespace)

    @function(context="thread")
    def drop(self, namespace: Owned[Ptr[MountNamespace]]) -> None:
        """Drop a reference to `namespace`."""
        with if_(namespace.references.drop()):
            tail(self.free, namespace)

    @function(context="thread")
    def free(self, namespace: Keep[Owned[Ptr[MountNamespace]]]) -> None:
        """Free `namespace`, which nobody is in any more, with its mounts."""
        with loop():
            mount = self.mounts.last_of(namespace)
            break_if(mount == 0)
            self.mounts.detach(mount)
        self.records.free(namespace)
        lock.dec(self.count)

    @function
    def get_root(self, namespace: Ptr[MountNamespace], path: Keep[Filled[Ptr[Path]]]) -> None:
        """Make `path`, which is nowhere, a reference to the root of `namespace`."""
        mount = self.mounts.first_of(namespace)
        asserts(mount != 0)
        mov(path.mount, mount)
        root = scratch(mount.root)
        root.references.gain()
        mov(path.dentry, root)
