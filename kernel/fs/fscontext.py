"""Where names of a process begin: Linux's `struct fs_struct`."""

from __future__ import annotations

from kernel.fs.mount import MountNamespace
from kernel.fs.path import Path
from kernel.locks.spinlock import SpinLock
from kernel.structures.refcount import ReferenceCount
from pykasm import *


class FsContext(Struct):
    """Shared by threads of a process, and by processes that want it so."""

    references: ReferenceCount = field(freed_by="FsContexts.free")
    umask: U32
    """Permissions that new files don't get."""
    lock: SpinLock
    root: Path = field(guarded_by="lock")
    """Where names begin that start with a slash, and which `..` does not leave."""
    current: Path = field(guarded_by="lock")
    """The current directory, where others begin."""
    namespace: Owned[Ptr[MountNamespace]]
