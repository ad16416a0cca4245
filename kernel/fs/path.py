"""Where a name leads: a directory entry, as seen through a mount."""

from __future__ import annotations

from kernel.fs.inode import Dentry
from kernel.fs.mount import Mount
from pykasm import *


class Path(Struct):
    """A place in a mount namespace; Linux's `struct path`. Nowhere if both are null."""

    mount: OrNull[Owned[Ptr[Mount]]]
    dentry: OrNull[Owned[Ptr[Dentry]]]
