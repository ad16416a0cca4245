"""Kinds of file systems."""

from __future__ import annotations

from kernel.fs.inode import SuperBlock
from pykasm import *


class FileSystem(Subsystem):
    """A kind of file system that can be mounted, by its name."""

    name: str

    @function(context="thread", sleeps=True)
    def create(
        self, source: Ptr[U8], options: Ptr[U8]
    ) -> tuple[OrErrno[I32], Owned[OrNull[Ptr[SuperBlock]]]]:
        """Make a file system of this kind ready for use: from `source`, if it is kept somewhere,
        with `options`, a text. Returns 0 and the file system; or
        -ENOMEM, or -EINVAL for options that it does not know, and null."""
        raise NotImplementedError
