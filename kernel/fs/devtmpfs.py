"""The file system of the names of devices."""

from __future__ import annotations

from kernel.fs.filesystem import FileSystem
from kernel.fs.inode import SuperBlock
from kernel.fs.superblocks import SuperBlocks
from kernel.fs.tmpfs import Tmpfs
from pykasm import *

OPTIONS = "mode=0755"
"""Of the tmpfs that it is."""


class Devtmpfs(FileSystem):
    """A tmpfs in which the kernel names devices: there is one, and who mounts it sees that (Linux:
    drivers/base/devtmpfs.c). Context: thread."""

    name = "devtmpfs"
    shared = bss(OrNull[Owned[Ptr[SuperBlock]]])

    def __init__(self, superblocks: SuperBlocks, tmpfs: Tmpfs) -> None:
        superblocks.kinds.append(self.name)
        self.tmpfs = tmpfs

    @function(context="thread", sleeps=True)
    def start(self) -> None:
        """Make it. Context: the thread that starts the kernel."""
        result, superblock = self.tmpfs.create(text(self.name), text(OPTIONS))
        ignore(result, "null says as much")
        asserts(superblock != 0)  # the kernel does not start with so little memory
        mov(superblock.kind, text(self.name))
        mov(self.shared, superblock)

    @function(context="thread", sleeps=True)
    def create(
        self, source: Ptr[U8], options: Ptr[U8]
    ) -> tuple[OrErrno[I32], Owned[OrNull[Ptr[SuperBlock]]]]:
        """Give one more reference to it. Limits among the `options`, which are those of tmpfs, hold
        for all who see it."""
        superblock, result = keep(self.shared), keep(I32)
        asserts(superblock != 0)
        mov(result, self.tmpfs.configure(superblock, options))
        with if_(result != 0):
            ret(result, 0)
        superblock.references.gain()
        ret(0, superblock)
