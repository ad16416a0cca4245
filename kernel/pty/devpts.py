"""The file system with names of pseudo-terminals."""

from __future__ import annotations

from kernel.errno import Errno
from kernel.fs.cacheddirectories import CachedDirectories
from kernel.fs.characterdevices import MINOR_BITS
from kernel.fs.dentries import Dentries
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
from kernel.fs.namekey import NameKey
from kernel.fs.superblocks import SuperBlocks
from kernel.mm.heap import Heap
from kernel.pty.devptsoptions import MOST, DevptsOptionTexts
from kernel.pty.pseudoterminal import DevptsInstance, DevptsOptions
from kernel.pty.ptymasters import MAJOR, MINOR, PtyMasters
from kernel.pty.ptymounts import MAGIC, PtyMounts
from pykasm import *

ROOT_MODE = FileType.DIRECTORY | 0o755
SLAVE_MODE = 0o600
"""The permissions of slaves, where nobody asks for others."""


class Devpts(FileSystem):
    """A directory with `ptmx` and a name for each slave (Documentation/filesystems/devpts.rst).
    Each time that it is mounted it is another one. Context: thread, with the locks that
    `InodeOperations` tells."""

    name = "devpts"

    def __init__(
        self,
        masters: PtyMasters,
        mounts: PtyMounts,
        options: DevptsOptionTexts,
        superblocks: SuperBlocks,
        inodes: Inodes,
        dentries: Dentries,
        directories: CachedDirectories,
        fixed: FixedNames,
        heap: Heap,
    ) -> None:
        self.masters = masters
        self.mounts = mounts
        self.options = options
        self.superblocks = superblocks
        superblocks.kinds.append(self.name)
        self.inodes = inodes
        self.dentries = dentries
        self.directories = directories
        self.heap = heap
        self.operations = rodata(
            InodeOperations, fixed.table(look_up=self.look_up, resize=self.resize)
        )
        self.superblock_operations = rodata(
            SuperBlockOperations,
            SuperBlockOperations(
                evict=self.evict,
                configure=self.configure,
                kind=self.name,
                magic=MAGIC,
                flags=SuperBlockFlag.IN_MEMORY,
            ),
        )

    # As a whole

    @function(context="thread", sleeps=True)
    def create(
        self, source: Ptr[U8], options: Ptr[U8]
    ) -> tuple[OrErrno[I32], Owned[OrNull[Ptr[SuperBlock]]]]:
        """Make a file system without slaves, as `FileSystem` says."""
        wanted, result = local(DevptsOptions), keep(I32)
        for name in ("master_mode", "has_user", "has_group", "user", "group"):
            mov(getattr(wanted, name), 0)
        mov(wanted.mode, SLAVE_MODE)
        mov(wanted.most, MOST)
        mov(result, self.options.parse(options, address_of(wanted)))
        with if_(result != 0):
            ret(result, 0)
        superblock = scratch(self._create(address_of(wanted)))
        with if_(superblock == 0):
            ret(-Errno.ENOMEM, 0)
        ret(0, superblock)

    @function(context="thread", sleeps=True)
    def _create(self, options: Keep[Ptr[DevptsOptions]]) -> Owned[OrNull[Ptr[SuperBlock]]]:
        """Make one with `options`; null without memory."""
        superblock = keep(try_(self.superblocks.create(address_of(self.superblock_operations))))
        errdefer(self.superblocks.drop, superblock)
        root = scratch(try_(self._make_root(superblock)))
        fail_if(self.superblocks.set_root(superblock, root) != 0)
        instance = self.mounts.instance_of(superblock)
        self._set_options(instance, options)
        fail_if(~self._add_master(superblock, options.master_mode))
        ret(superblock)

    @function
    def _make_root(self, superblock: Keep[Ptr[SuperBlock]]) -> Owned[OrNull[Ptr[Inode]]]:
        """Return the inode of the root, which leads to an instance without slaves; null without
        memory."""
        inode = keep(try_(self._make_inode(superblock, ROOT_MODE)))
        mov(inode.links, 2)
        lea(rax, self.directories.operations)
        mov(inode.file_operations, rax)
        errdefer(self.inodes.drop, inode)
        made = scratch(cast(try_(self.heap.allocate(sizeof(DevptsInstance))), Ptr[DevptsInstance]))
        with unshared(made):
            made.terminals.reset()
            mov(made.count, 0)
        mov(inode.private, u64(made))
        disown(made, "the inode has it")
        ret(inode)

    @function
    def _make_inode(self, superblock: Ptr[SuperBlock], mode: U32) -> Owned[OrNull[Ptr[Inode]]]:
        """Return an inode of this `mode`, or null without memory."""
        inode = scratch(try_(self.inodes.create(superblock, mode)))
        lea(rax, self.operations)
        mov(inode.operations, rax)
        mov(inode.links, 1)
        ret(inode)

    @function
    def _set_options(self, instance: Ptr[DevptsInstance], options: Ptr[DevptsOptions]) -> None:
        """Make `options` those of `instance`."""
        lea(rax, instance.options)
        mov(rsi, options)
        mov(rdi, rax)
        mov(ecx, sizeof(DevptsOptions))
        rep.movsb()

    @function
    def _add_master(self, superblock: Keep[Ptr[SuperBlock]], mode: U32) -> Bool:
        """Add `ptmx` with these permissions. Returns whether there was memory."""
        key, inode = local(NameKey), keep(Ptr[Inode])
        or_(mode, FileType.CHARACTER)
        mov(inode, try_(self._make_inode(superblock, mode)))
        errdefer(self.inodes.drop, inode)
        mov(rax, MAJOR << MINOR_BITS | MINOR)
        mov(inode.device, rax)
        lea(rax, self.masters.operations)
        mov(inode.file_operations, rax)
        mov(key.text, text("ptmx"))
        key.measure()
        root = scratch(superblock.root)
        asserts(root != 0)
        mov(key.parent, root)
        dentry = keep(try_(self.dentries.create(superblock, address_of(key))))
        self.dentries.set_inode(dentry, inode)
        self.dentries.add(dentry)
        self.dentries.drop(dentry)
        ret(True)

    @function(context="thread", sleeps=True)
    def configure(self, superblock: Keep[Ptr[SuperBlock]], options: Ptr[U8]) -> OrErrno[I32]:
        """Change the options, as `Configure` says. Slaves that there are stay as they are. Returns
        0 or -EINVAL."""
        wanted, options = local(DevptsOptions), keep(options)
        instance = self.mounts.instance_of(superblock)
        lea(rsi, instance.options)
        lea(rdi, wanted)
        mov(ecx, sizeof(DevptsOptions))
        rep.movsb()
        try_(self.options.parse(options, address_of(wanted)))
        instance = self.mounts.instance_of(superblock)
        self._set_options(instance, address_of(wanted))
        ret(0)

    @function
    def evict(self, inode: Ptr[Inode]) -> None:
        """Free the instance with the root, as `Evict` says."""
        with if_(is_type(inode, FileType.DIRECTORY)):
            instance = scratch(inode.private)
            take_over(instance, "the root had it")
            tail(self.heap.free, instance)

    # Names

    @function
    def look_up(self, directory: Ptr[Inode], dentry: Ptr[Dentry]) -> OrErrno[I32]:
        """Find nothing: all names are in memory."""
        ret(0)

    @function
    def resize(self, inode: Ptr[Inode], size: U64) -> OrErrno[I32]:
        """Set a size: terminals have none."""
        ret(0)
