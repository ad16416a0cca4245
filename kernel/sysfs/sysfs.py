"""The file system that shows devices and settings (sysfs(5))."""

from __future__ import annotations

from collections.abc import Sequence

from kernel.cpu.pagetable import PAGE
from kernel.errno import Errno
from kernel.fs.cacheddirectories import CachedDirectories
from kernel.fs.dentries import Dentries
from kernel.fs.file import File, FileOperations
from kernel.fs.filedefaults import FileDefaults
from kernel.fs.filesystem import FileSystem
from kernel.fs.fixednames import FixedNames
from kernel.fs.inode import (
    Dentry,
    Inode,
    InodeOperations,
    SuperBlock,
    SuperBlockFlag,
    SuperBlockOperations,
    is_type,
)
from kernel.fs.inodes import Inodes
from kernel.fs.mode import FileType
from kernel.fs.superblocks import SuperBlocks
from kernel.fs.textfiles import TextFiles
from kernel.sysfs.sysdirectories import SysDirectories
from kernel.sysfs.syslinks import SysLinks
from kernel.sysfs.sysnode import SysNode
from kernel.sysfs.syssource import SysSource
from kernel.sysfs.systree import SysTree
from pykasm import *

MAGIC = 0x6265_6572
"""What `statfs` shows (include/uapi/linux/magic.h)."""


class Sysfs(FileSystem):
    """Shows what is in `SysTree`. Inodes are made as they are looked for. Nobody can make, remove
    or rename anything. Context: thread."""

    name = "sysfs"

    def __init__(
        self,
        superblocks: SuperBlocks,
        inodes: Inodes,
        dentries: Dentries,
        defaults: FileDefaults,
        cached: CachedDirectories,
        fixed: FixedNames,
        texts: TextFiles,
        tree: SysTree,
        directories: SysDirectories,
        links: SysLinks,
        sources: Sequence[SysSource],
    ) -> None:
        self.superblocks = superblocks
        superblocks.kinds.append(self.name)
        self.inodes = inodes
        self.dentries = dentries
        self.texts = texts
        self.tree = tree
        self.directories = directories
        self.sources = sources
        self.operations = rodata(
            InodeOperations,
            fixed.table(
                look_up=self.look_up,
                resize=self.resize,
                read_link=links.read,
                follow=links.follow,
            ),
        )
        self.text_operations = rodata(
            FileOperations,
            defaults.table(
                open=self.open, release=texts.release, read=texts.read, seek=cached.seek
            ),
        )
        self.link_operations = rodata(FileOperations, defaults.table())
        self.superblock_operations = rodata(
            SuperBlockOperations,
            SuperBlockOperations(
                evict=self.evict, kind=self.name, magic=MAGIC, flags=SuperBlockFlag.UNCACHED
            ),
        )

    @function(context="thread")
    def start(self) -> None:
        """Have all sources add what they know. Context: the thread that starts the kernel."""
        self.tree.start()
        for source in self.sources:
            source.fill()

    @function(context="thread", sleeps=True)
    def create(
        self, source: Ptr[U8], options: Ptr[U8]
    ) -> tuple[OrErrno[I32], Owned[OrNull[Ptr[SuperBlock]]]]:
        """Make it ready for use, as `FileSystem` says. It takes no options."""
        with if_(at(options) != 0):
            ret(-Errno.EINVAL, 0)
        superblock = scratch(self._create())
        with if_(superblock == 0):
            ret(-Errno.ENOMEM, 0)
        ret(0, superblock)

    @function(context="thread", sleeps=True)
    def _create(self) -> Owned[OrNull[Ptr[SuperBlock]]]:
        """Make it ready for use; null without memory."""
        superblock = keep(try_(self.superblocks.create(address_of(self.superblock_operations))))
        errdefer(self.superblocks.drop, superblock)
        root = try_(self._new_inode(superblock, address_of(self.tree.root)))
        fail_if(self.superblocks.set_root(superblock, root) != 0)
        ret(superblock)

    @function(context="thread")
    def _new_inode(
        self, superblock: Ptr[SuperBlock], node: Keep[Ptr[SysNode]]
    ) -> Owned[OrNull[Ptr[Inode]]]:
        """Return an inode for `node`; null without memory."""
        inode = keep(try_(self.inodes.create(superblock, node.mode)))
        lea(rax, self.operations)
        mov(inode.operations, rax)
        mov(rax, node.number)
        mov(inode.number, rax)
        mov(inode.private, u64(node))
        mov(inode.links, 1)
        kind = scratch(address_of(self.link_operations))
        with if_(is_type(inode, FileType.DIRECTORY)):
            mov(inode.links, 2)
            lea(kind, self.directories.operations)
        with elif_(lambda: is_type(inode, FileType.REGULAR)):
            mov(inode.size, PAGE)  # as Linux shows it, whatever the length
            lea(kind, self.text_operations)
        mov(inode.file_operations, kind)
        ret(inode)

    @function(context="thread", sleeps=True)
    def look_up(self, directory: Keep[Ptr[Inode]], dentry: Keep[Ptr[Dentry]]) -> OrErrno[I32]:
        """Find a name, as `LookUp` says."""
        place, name = scratch(cast(scratch(directory.private), Ptr[SysNode])), scratch(dentry.name)
        node = self.tree.find(place, address_of(name.text))
        with if_(node == 0):
            ret(0)  # the name stays negative
        inode = try_(self._new_inode(directory.superblock, node), Errno.ENOMEM)
        self.dentries.set_inode(dentry, inode)
        ret(0)

    @function(context="thread", sleeps=True)
    def open(self, inode: Ptr[Inode], file: Ptr[File]) -> OrErrno[I32]:
        """Prepare a text, as `OpenFile` says."""
        node = scratch(cast(scratch(inode.private), Ptr[SysNode]))
        tail(self.texts.open, file, node.show)

    @function
    def resize(self, inode: Ptr[Inode], size: U64) -> OrErrno[I32]:
        """Set a size: what a text tells is not changed by that."""
        ret(0)

    @function
    def evict(self, inode: Ptr[Inode]) -> None:
        """There is nothing to free: nodes stay."""
