"""Who is told the names in a directory."""

from __future__ import annotations

from kernel.fs.inode import NAME_MAX
from pykasm import *


class ListedName(Struct):
    """A name, as a lister is told of it."""

    number: U64
    """That of the inode."""
    type: U64
    """A `FileType`, shifted by `TYPE_SHIFT`."""
    next: U64
    """The position after it."""
    length: U64
    text: Array[U8] = field(count=NAME_MAX + 1)
    """No zero need follow."""


class DirectoryLister(Struct):
    """Takes names, one by one; the beginning of a struct with where to."""

    take: TakeName


class TakeName(Fn[[Ptr[DirectoryLister], Ptr[ListedName]], Bool], context="thread"):
    """Take a name. Returns whether there was room for it; if not, it comes again next time."""
