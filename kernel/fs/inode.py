"""Files as their file system has them, and the names that lead to them.

Inodes, directory entries, file systems and the table of what these do refer to each other, so they
stand together.
"""

from __future__ import annotations

from enum import IntFlag

from kernel.fs.credentials import Credentials
from kernel.fs.filepages import FilePages
from kernel.fs.mode import TYPE_MASK, FileType
from kernel.structures.list import ListHead
from kernel.structures.refcount import ReferenceCount
from kernel.structures.tree import Tree, TreeNode
from kernel.sync.mutex import Mutex
from pykasm import *

NAME_MAX = 255
"""Bytes of a name, without its end (POSIX: the least that a file system with longer names has)."""


class FileKind(Struct):
    """What `FileOperations` is derived from: an inode leads to those that it is opened with, and
    they know of open files, which inodes don't."""

    flags: U64


class InodeFlag(IntFlag):
    """What is so of a file."""

    LINKABLE = 1 << 0
    """It has no name, and may get its first one (open(2), O_TMPFILE)."""


class Inode(Struct):
    """A file of whatever kind, without its name; Linux's `struct inode`.

    `lock` is held by what changes its contents, its size, its attributes or, in a directory, the
    names. Of two directories the one that lies above the other is locked first; `Renaming` has the
    whole order.
    """

    references: ReferenceCount = field(freed_by="Inodes.free")
    mode: U32
    """A `FileType`, and who may do what."""
    links: U32
    """Names that lead to it; a directory has two, and one for each directory in it."""
    writers: I32
    """How many have it open for writing; below 0, how many run it as a program."""
    user: U32
    group: U32
    generation: U32
    """Differs between inodes that have the same number one after the other."""
    number: U64
    device: U64
    """Which one a special file stands for."""
    size: U64
    accessed: I64
    """Nanoseconds since 1970, as all four."""
    modified: I64
    changed: I64
    born: I64
    """When it was made; 0 where its file system does not tell."""
    superblock: Ptr[SuperBlock]
    operations: Ptr[InodeOperations]
    file_operations: Ptr[FileKind]
    lock: Mutex
    lock_shares: U32 = field(guarded_by="FileLocks.lock")
    """Open files that share its lock (flock(2))."""
    locked_alone: U32 = field(guarded_by="FileLocks.lock")
    """1 if one has it alone."""
    records: ListHead = field(
        guarded_by="RecordLocks.lock", unlocked_reads=True, elements="RecordLock.link"
    )
    """Parts of it that somebody has locked; all zero as long as nobody ever has."""
    flags: U32 = field(InodeFlag)
    watches: ListHead = field(
        guarded_by="Notices.lock", unlocked_reads=True, elements="FileWatch.link"
    )
    """Who is told of what happens to it (inotify(7)); all zero as long as nobody ever was."""
    extended: ListHead = field(guarded_by="lock", elements="ExtendedAttribute.link")
    """What it has beside its contents (xattr(7)); all zero as long as it never had any."""
    extended_size: U64 = field(guarded_by="lock")
    """Bytes of all these names and values."""
    seals: U32
    """What nobody can do with it any more (`Seal`)."""
    being_mapped: U32
    """How many threads are about to map it."""
    pages: FilePages
    text: OrNull[Owned[Ptr[U8]]]
    """Of a symbolic link: where it leads, `size` bytes and a zero."""
    private: U64
    """What the file system, or the kind of file, has besides."""


class FileName(Struct):
    """A name in a directory."""

    hash: U64
    length: U64
    text: Array[U8]
    """`length` bytes and a zero."""


class Dentry(Struct):
    """A name in a directory, and which inode it stands for: an entry of the directory, or the
    memory of one; Linux's `struct dentry`.

    One that can be found, by the hash table, has a reference for that. `Dentries.lock` guards what
    may change while it can: the parent, the name and the inode; the inode's directory changes these
    with its own lock held, too.
    """

    references: ReferenceCount = field(freed_by="Dentries.free")
    flags: U32 = field(guarded_by="Dentries.lock", unlocked_reads=True)
    """A `DentryFlag`."""
    parent: OrNull[Owned[Ptr[Dentry]]] = field(guarded_by="Dentries.lock", unlocked_reads=True)
    """Null at the root of a file system."""
    name: Owned[Ptr[FileName]] = field(guarded_by="Dentries.lock", unlocked_reads=True)
    inode: OrNull[Owned[Ptr[Inode]]] = field(guarded_by="Dentries.lock", unlocked_reads=True)
    """Null where there is no such name: a negative entry."""
    superblock: Ptr[SuperBlock]
    bucket: ListHead = field(guarded_by="Dentries.lock")
    """In the hash table."""
    sibling: TreeNode = field(guarded_by="Dentries.lock")
    """In the parent's `children`; the key is its place there, which no other one ever had."""
    children: Tree = field(guarded_by="Dentries.lock", elements="Dentry.sibling")
    """Those that can be found."""
    next_place: U64 = field(guarded_by="Dentries.lock")
    mounts: ListHead = field(
        guarded_by="Mounts.lock", elements="Mount.neighbour", unlocked_reads=True
    )
    """What is mounted on it, in all namespaces; all zero as long as nothing ever was."""


class Place(Struct):
    """A place in a file system. `Path` is derived from it: where it leads, and through which mount
    it is seen, which inodes don't know of."""

    dentry: OrNull[Owned[Ptr[Dentry]]]


class DentryFlag(IntFlag):
    """What is known of an entry."""

    HASHED = 1 << 0
    """It can be found."""
    MOUNTED = 1 << 1
    """Something is mounted on it, in some namespace."""


@inline(changes=rax)
def is_type(inode: Ptr[Inode], type: FileType) -> Condition:
    """Return whether `inode` is a file of this `type`."""
    mov(eax, inode.mode)
    and_(eax, TYPE_MASK)
    return eax == type


class SuperBlockFlag(IntFlag):
    """What is so of a file system."""

    IN_MEMORY = 1 << 0
    """Its names are in memory, all of them, and stay there."""
    UNCACHED = 1 << 1
    """No name of it stays in memory once nobody uses it, as what it stands for may come and go."""
    EXTENDED = 1 << 2
    """Its files have extended attributes."""
    READ_ONLY = 1 << 3
    """Nobody writes to it, through whichever mount."""


class SuperBlock(Struct):
    """A file system that is in use: Linux's `struct super_block`."""

    references: ReferenceCount = field(freed_by="SuperBlocks.free")
    flags: U32 = field(SuperBlockFlag)
    device: U64
    """Which `stat` shows for its files."""
    kind: Ptr[U8]
    """What it is called."""
    root: OrNull[Owned[Ptr[Dentry]]]
    operations: Ptr[SuperBlockOperations]
    rename_lock: Mutex
    """Held by what moves directories, so that none comes to lie in itself."""
    magic: U64
    next_number: U64
    """That of the next inode."""
    inodes: U64
    """How many are in memory."""
    pages: U64
    """How many its files have, if it is kept in memory alone."""
    most_pages: U64
    most_inodes: U64
    mounts: ListHead = field(guarded_by="Mounts.lock", elements="Mount.sibling")
    """Where it is seen."""


class LookUp(Fn[[Ptr[Inode], Ptr[Dentry]], OrErrno[I32]], context="thread"):
    """Find the inode of an entry of a directory, which stays negative if there is none."""


class Create(
    Fn[[Ptr[Inode], Ptr[Dentry], U32, U64, Ptr[Credentials]], OrErrno[I32]], context="thread"
):
    """Make an inode of a mode, for special files of a device, and give it to a negative entry of a
    directory."""


class CreateUnnamed(
    Fn[[Ptr[Inode], Ptr[Dentry], U32, Ptr[Credentials]], OrErrno[I32]], context="thread"
):
    """Make an inode of a mode that has no name, and give it to a negative entry of a directory that
    can't be found."""


class CreateSymlink(
    Fn[[Ptr[Inode], Ptr[Dentry], Ptr[U8], Ptr[Credentials]], OrErrno[I32]], context="thread"
):
    """Make a symbolic link with a text, and give it to a negative entry of a directory."""


class Link(Fn[[Ptr[Inode], Ptr[Inode], Ptr[Dentry]], OrErrno[I32]], context="thread"):
    """Give an inode to a negative entry of a directory, as one more name of it."""


class Unlink(Fn[[Ptr[Inode], Ptr[Dentry]], OrErrno[I32]], context="thread"):
    """Take the name of an entry out of a directory. Its inode is no directory, or an empty one."""


class Rename(
    Fn[[Ptr[Inode], Ptr[Dentry], Ptr[Inode], Ptr[Dentry]], OrErrno[I32]], context="thread"
):
    """Give an entry of a directory the place of another one, in the same directory or a second.
    What that other one stood for loses the name; it is no directory, or an empty one."""


class Exchange(
    Fn[[Ptr[Inode], Ptr[Dentry], Ptr[Inode], Ptr[Dentry]], OrErrno[I32]], context="thread"
):
    """Have an entry of a directory and another one, in the same directory or a second, change
    places."""


class Resize(Fn[[Ptr[Inode], U64], OrErrno[I32]], context="thread"):
    """Set the size of a regular file; what is cut off is lost."""


class ReadLink(Fn[[Ptr[Inode], Ptr[U8]], OrErrno[I64]], context="thread"):
    """Write where a symbolic link leads that has no `text`, into a page, with a zero. Returns how
    many bytes that are, without the zero."""


class FollowLink(Fn[[Ptr[Inode], Ptr[Place]], OrErrno[I32]], context="thread"):
    """Make a `Path`, which is nowhere, a reference to where a symbolic link leads that has no
    `text`. Returns 0; 1 if the walk goes along what `ReadLink` tells instead; or an error."""


class InodeOperations(Struct):
    """What a file system does with its inodes. All is called with the locks of the inodes held, but
    for `read_link` and `follow`, which links without texts alone need."""

    look_up: LookUp
    create: Create
    create_unnamed: CreateUnnamed
    """0 where files always have names."""
    symlink: CreateSymlink
    link: Link
    unlink: Unlink
    rename: Rename
    exchange: Exchange
    """0 where entries can't change places at once."""
    resize: Resize
    read_link: ReadLink
    follow: FollowLink


class Evict(Fn[[Ptr[Inode]], Void], context="thread"):
    """Free what an inode has besides its record: nobody uses it any more."""


class Configure(Fn[[Ptr[SuperBlock], Ptr[U8]], OrErrno[I32]], context="thread"):
    """Change what a text of options asks for."""


class SuperBlockOperations(Struct):
    """What a file system does as a whole, and what it is known by."""

    evict: Evict
    configure: Configure
    kind: Ptr[U8]
    """What it is called."""
    magic: U64
    """What `statfs` tells of it (include/uapi/linux/magic.h)."""
    flags: U32 = field(SuperBlockFlag)
