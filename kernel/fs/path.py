"""Where a name leads: a directory entry, as seen through a mount."""

from __future__ import annotations

from kernel.fs.inode import Place
from kernel.fs.mount import Mount
from pykasm import *


class Path(Place):
    """A place in a mount namespace; Linux's `struct path`. Nowhere if both are null."""

    mount: OrNull[Owned[Ptr[Mount]]]
