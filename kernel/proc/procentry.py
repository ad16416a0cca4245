"""The files of procfs.

An entry of a directory and what finds further ones refer to each other, so they stand together.
"""

from __future__ import annotations

from kernel.fs.file import FileOperations
from kernel.fs.inode import InodeOperations
from kernel.fs.textfiles import ShowText, StoreText
from kernel.process.process import Process
from pykasm import *

NO_MEMBER = (1 << 64) - 1
"""No number: there is no further one."""


class ProcNode(Struct):
    """What an inode of procfs stands for; `Inode.private` leads to it."""

    entry: Ptr[ProcEntry]
    process: OrNull[Owned[Ptr[Process]]]
    """Which one it tells of; null for all that is not in a process's directory."""
    thread: U32
    """The number of the thread of it that it tells of."""
    file: U32
    """The number of the open file that it stands for; 0 for others, too."""


class Setting(Struct):
    """A number that root may set."""

    place: Ptr[U64]
    least: U64
    most: U64


class ProcEntry(Struct):
    """What files of a name are like, all alike in the directories of all processes."""

    name: Ptr[U8]
    mode: U32
    """A `FileType`, and who may do what."""
    number: U32
    """Another one for each entry, from 1 on."""
    is_private: U32
    """1 if only who may look into the process may open it (ptrace(2))."""
    inode_operations: Ptr[InodeOperations]
    file_operations: Ptr[FileOperations]
    show: ShowText
    """Of a regular file."""
    text: Ptr[U8]
    """Of a regular file whose text never changes."""
    setting: OrNull[Ptr[Setting]]
    """Of a regular file that tells of one."""
    store: OrNull[StoreText]
    """Of a regular file; null if nothing can be written."""
    children: Ptr[ProcEntry]
    """Of a directory: those that are always there."""
    count: U64
    """How many these are."""
    members: OrNull[Ptr[ProcMembers]]
    """Of a directory: those whose names are numbers."""


class NextMember(Fn[[Ptr[ProcNode], U64], U64], context="thread"):
    """Return the lowest number, from one on, that is a name in a directory; or NO_MEMBER."""


class EnterMember(Fn[[Ptr[ProcNode], U64], OrErrno[I32]], context="thread"):
    """Change a copy of a directory's node to what a number in it stands for. Returns 0 or
    -ENOENT."""


class ProcMembers(Struct):
    """Which numbers are names in a directory."""

    next: NextMember
    enter: EnterMember
    entry: Ptr[ProcEntry]
    """What all of them are like."""
    has_hidden: U32
    """1 if there are others that can be found and are not listed, which `enter` knows."""
