"""What sysfs shows."""

from __future__ import annotations

from kernel.fs.textfiles import ShowText
from kernel.structures.list import ListHead
from pykasm import *


class SysNode(Struct):
    """A directory, a regular file or a symbolic link; `Inode.private` leads to it. It is there for
    good (Linux: `struct kernfs_node`)."""

    link: ListHead = field(guarded_by="SysTree.lock")
    """In the parent's `children`."""
    place: U64
    """By which it is listed there: larger than that of all before it."""
    parent: OrNull[Ptr[SysNode]]
    """Null for the root alone."""
    name: Ptr[U8]
    mode: U32
    """A `FileType`, and who may do what."""
    number: U64
    """That of its inode."""
    subject: U64
    """What a directory tells of: the address of a record, or a number."""
    show: ShowText
    """Of a regular file: writes what it tells of its directory's subject."""
    target: OrNull[Ptr[SysNode]]
    """Of a link: where it leads."""
    children: ListHead = field(guarded_by="SysTree.lock", elements="SysNode.link")
    """Of a directory."""
