"""The file system that is kept in memory alone."""

from __future__ import annotations

from kernel.errno import Errno
from kernel.fs.cacheddirectories import CachedDirectories
from kernel.fs.cachedfiles import CachedFiles
from kernel.fs.characterdevices import CharacterDevices
from kernel.fs.credentials import Credentials
from kernel.fs.dentries import Dentries
from kernel.fs.file import FileOperations
from kernel.fs.filedefaults import FileDefaults
from kernel.fs.filesystem import FileSystem
from kernel.fs.inode import (
    Dentry,
    Inode,
    InodeFlag,
    InodeOperations,
    SuperBlock,
    SuperBlockFlag,
    SuperBlockOperations,
    is_type,
)
from kernel.fs.inodes import Inodes
from kernel.fs.mode import ALL_ACCESS, FileType, ModeBit
from kernel.fs.pagecache import PageCache
from kernel.fs.pipes import Pipes
from kernel.fs.superblocks import SuperBlocks
from kernel.fs.tmpfsoptions import TmpfsOptions, TmpfsOptionTexts
from kernel.mm.heap import Heap
from pykasm import *

MAGIC = 0x0102_1994
"""What `statfs` shows (include/uapi/linux/magic.h)."""

ENTRY_SIZE = 20
"""What each entry adds to the size of a directory, as with Linux (mm/shmem.c)."""

ROOT_PERMISSIONS = ModeBit.STICKY | 0o777


class Tmpfs(FileSystem):
    """Directories are their entries in `Dentries`, regular files their pages in `PageCache`.
    Context: thread, with the locks that `InodeOperations` tells."""

    name = "tmpfs"

    def __init__(
        self,
        inodes: Inodes,
        dentries: Dentries,
        superblocks: SuperBlocks,
        cache: PageCache,
        files: CachedFiles,
        directories: CachedDirectories,
        pipes: Pipes,
        devices: CharacterDevices,
        defaults: FileDefaults,
        options: TmpfsOptionTexts,
        heap: Heap,
    ) -> None:
        self.inodes = inodes
        self.dentries = dentries
        self.superblocks = superblocks
        superblocks.kinds.append(self.name)
        self.cache = cache
        self.files = files
        self.directories = directories
        self.pipes = pipes
        self.devices = devices
        self.options = options
        self.heap = heap
        self.no_file = rodata(FileOperations, defaults.table(open=defaults.refuse))
        self.operations = rodata(
            InodeOperations,
            InodeOperations(
                look_up=self.look_up,
                create=self.make,
                create_unnamed=self.make_unnamed,
                symlink=self.make_symlink,
                link=self.link,
                unlink=self.unlink,
                rename=self.rename,
                exchange=self.exchange,
                resize=files.resize,
            ),
        )
        self.superblock_operations = rodata(
            SuperBlockOperations,
            SuperBlockOperations(
                evict=self.evict,
                configure=self.configure,
                kind=self.name,
                magic=MAGIC,
                flags=SuperBlockFlag.IN_MEMORY | SuperBlockFlag.EXTENDED,
            ),
        )

    @function(context="thread", sleeps=True)
    def create(
        self, source: Ptr[U8], options: Keep[Ptr[U8]]
    ) -> tuple[OrErrno[I32], Owned[OrNull[Ptr[SuperBlock]]]]:
        """Make an empty file system, as `FileSystem` says."""
        wanted, result = local(TmpfsOptions), keep(I32)
        self.options.set_limits(address_of(wanted))
        mov(wanted.mode, ROOT_PERMISSIONS)
        mov(wanted.user, 0)
        mov(wanted.group, 0)
        mov(result, self.options.parse(options, address_of(wanted)))
        with if_(result != 0):
            ret(result, 0)
        superblock = scratch(self._create(address_of(wanted)))
        with if_(superblock == 0):
            ret(-Errno.ENOMEM, 0)
        ret(0, superblock)

    @function(context="thread", sleeps=True)
    def _create(self, options: Keep[Ptr[TmpfsOptions]]) -> Owned[OrNull[Ptr[SuperBlock]]]:
        """Make an empty file system with `options`; null without memory."""
        superblock = keep(try_(self.superblocks.create(address_of(self.superblock_operations))))
        errdefer(self.superblocks.drop, superblock)
        mov(edx, options.mode)
        or_(edx, FileType.DIRECTORY)
        root = scratch(try_(self._new_inode(superblock, edx, 0)))
        # Options say it, and not who mounts
        copy_fields(root, options, "user", "group")
        fail_if(self.superblocks.set_root(superblock, root) != 0)
        # After the root, which counts, too, but always has a place
        self._set_limits(superblock, options)
        ret(superblock)

    @function
    def _set_limits(self, superblock: Ptr[SuperBlock], options: Ptr[TmpfsOptions]) -> None:
        """Have `superblock` grow as far as `options` say."""
        copy_fields(superblock, options, "most_pages", "most_inodes")

    @function(context="thread", sleeps=True)
    def configure(self, superblock: Keep[Ptr[SuperBlock]], options: Ptr[U8]) -> OrErrno[I32]:
        """Change the limits, as `Configure` says. Returns 0, or -EINVAL for less than there is, or
        what is no option."""
        wanted = local(TmpfsOptions)
        # What the options do not name stays as it is
        copy_fields(wanted, superblock, "most_pages", "most_inodes")
        try_(self.options.parse(options, address_of(wanted)))
        for most, used in (("most_pages", "pages"), ("most_inodes", "inodes")):
            mov(rax, getattr(superblock, used))
            # What is there can't be taken away by a limit
            fail_if(getattr(wanted, most) < rax, Errno.EINVAL)
        self._set_limits(superblock, address_of(wanted))
        ret(0)

    # Inodes

    @function
    def _new_inode(
        self, superblock: Ptr[SuperBlock], mode: Keep[U32], device: Keep[U64]
    ) -> Owned[OrNull[Ptr[Inode]]]:
        """Return an inode of this `mode` with what its type has; null without memory."""
        inode = keep(try_(self.inodes.create(superblock, mode)))
        lea(rax, self.operations)
        mov(inode.operations, rax)
        mov(rax, u64(inode.changed))
        mov(u64(inode.born), rax)
        mov(inode.device, device)
        mov(inode.links, 1)
        kind = scratch(address_of(self.no_file))
        with if_(is_type(inode, FileType.DIRECTORY)):
            # Its name and its own "."
            mov(inode.links, 2)
            lea(kind, self.directories.operations)
        with elif_(lambda: is_type(inode, FileType.REGULAR)):
            lea(kind, self.files.operations)
        with elif_(lambda: is_type(inode, FileType.FIFO)):
            lea(kind, self.pipes.fifo_operations)
        with elif_(lambda: is_type(inode, FileType.CHARACTER)):
            lea(kind, self.devices.operations)
        mov(inode.file_operations, kind)
        ret(inode)

    @function
    def evict(self, inode: Keep[Ptr[Inode]]) -> None:
        """Free the pages, as `Evict` says."""
        with if_(inode.pages.count != 0):
            ignore(self.cache.truncate(inode, 0))

    # Names

    @function
    def look_up(self, directory: Ptr[Inode], dentry: Ptr[Dentry]) -> OrErrno[I32]:
        """Find nothing: all names are in memory."""
        ret(0)

    @function
    def make(
        self,
        directory: Keep[Ptr[Inode]],
        dentry: Keep[Ptr[Dentry]],
        mode: U32,
        device: U64,
        credentials: Keep[Ptr[Credentials]],
    ) -> OrErrno[I32]:
        """Make a file, as `Create` says."""
        inode = keep(try_(self._new_inode(directory.superblock, mode, device), Errno.ENOSPC))
        self.inodes.set_owner(inode, directory, credentials)
        with if_(is_type(inode, FileType.DIRECTORY)):
            inc(directory.links)
        tail(self._enter, directory, dentry, inode)

    @function
    def make_unnamed(
        self,
        directory: Keep[Ptr[Inode]],
        dentry: Keep[Ptr[Dentry]],
        mode: U32,
        credentials: Keep[Ptr[Credentials]],
    ) -> OrErrno[I32]:
        """Make a file, as `CreateUnnamed` says."""
        inode = keep(try_(self._new_inode(directory.superblock, mode, 0), Errno.ENOSPC))
        mov(inode.links, 0)
        self.inodes.set_owner(inode, directory, credentials)
        self.dentries.set_inode(dentry, inode)
        ret(0)

    @function
    def _enter(
        self, directory: Keep[Ptr[Inode]], dentry: Ptr[Dentry], inode: Owned[Ptr[Inode]]
    ) -> OrErrno[I32]:
        """Give `inode` to an entry of `directory`. Returns 0."""
        self.dentries.set_inode(dentry, inode)
        add(directory.size, ENTRY_SIZE)
        self.inodes.touch(directory)
        ret(0)

    @function
    def make_symlink(
        self,
        directory: Keep[Ptr[Inode]],
        dentry: Keep[Ptr[Dentry]],
        text: Keep[Ptr[U8]],
        credentials: Keep[Ptr[Credentials]],
    ) -> OrErrno[I32]:
        """Make a symbolic link, as `CreateSymlink` says."""
        mode = FileType.SYMLINK | ALL_ACCESS
        inode = keep(try_(self._new_inode(directory.superblock, mode, 0), Errno.ENOSPC))
        with errdefer(self.inodes.drop, inode):
            try_(self._set_text(inode, text))
        self.inodes.set_owner(inode, directory, credentials)
        tail(self._enter, directory, dentry, inode)

    @function
    def _set_text(self, inode: Keep[Ptr[Inode]], text: Keep[Ptr[U8]]) -> OrErrno[I32]:
        """Make `text` where the symbolic link `inode` leads. Returns 0 or -ENOMEM."""
        size = keep(U64)
        xor(u32(size), u32(size))
        with while_(text[size] != 0):
            inc(size)
        lea(rdi, bare[size + 1])
        copy = try_(self.heap.allocate(rdi), Errno.ENOMEM)
        mov(inode.text, cast(copy, Ptr[U8]))
        mov(inode.size, size)
        mov(rdi, copy)
        mov(rsi, text)
        lea(rcx, bare[size + 1])
        rep.movsb()
        ret(0)

    @function
    def link(
        self, inode: Keep[Ptr[Inode]], directory: Keep[Ptr[Inode]], dentry: Keep[Ptr[Dentry]]
    ) -> OrErrno[I32]:
        """Add a name, as `Link` says."""
        inc(inode.links)
        and_(inode.flags, ~int(InodeFlag.LINKABLE))
        self.inodes.touch_attributes(inode)
        inode.references.gain()
        tail(self._enter, directory, dentry, inode)

    @function
    def unlink(self, directory: Keep[Ptr[Inode]], dentry: Ptr[Dentry]) -> OrErrno[I32]:
        """Take a name out, as `Unlink` says."""
        inode = keep(dentry.inode)
        asserts(inode != 0)
        dec(inode.links)
        with if_(is_type(inode, FileType.DIRECTORY)):
            dec(inode.links)
            dec(directory.links)
        self.inodes.touch_attributes(inode)
        sub(directory.size, ENTRY_SIZE)
        self.inodes.touch(directory)
        ret(0)

    @function
    def rename(
        self,
        directory: Keep[Ptr[Inode]],
        dentry: Keep[Ptr[Dentry]],
        target_directory: Keep[Ptr[Inode]],
        target: Keep[Ptr[Dentry]],
    ) -> OrErrno[I32]:
        """Move a name, as `Rename` says."""
        moved = keep(dentry.inode)
        asserts(moved != 0)
        with if_(target.inode != 0):
            ignore(self.unlink(target_directory, target), "it can't fail")
        sub(directory.size, ENTRY_SIZE)
        add(target_directory.size, ENTRY_SIZE)
        with if_(is_type(moved, FileType.DIRECTORY)):
            dec(directory.links)
            inc(target_directory.links)
        self.inodes.touch_attributes(moved)
        self.inodes.touch(directory)
        self.inodes.touch(target_directory)
        ret(0)

    @function
    def exchange(
        self,
        directory: Keep[Ptr[Inode]],
        dentry: Ptr[Dentry],
        target_directory: Keep[Ptr[Inode]],
        target: Ptr[Dentry],
    ) -> OrErrno[I32]:
        """Have two names change places, as `Exchange` says."""
        first, second = keep(dentry.inode), keep(target.inode)
        fail_if((first == 0) | (second == 0), Errno.ENOENT)
        for moved, old, new in (
            (first, directory, target_directory),
            (second, target_directory, directory),
        ):
            with if_(is_type(moved, FileType.DIRECTORY)):
                dec(old.links)
                inc(new.links)
            self.inodes.touch_attributes(moved)
            self.inodes.touch(old)
        ret(0)
