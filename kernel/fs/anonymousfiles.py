"""Files without names."""

from __future__ import annotations

from kernel.errno import Errno
from kernel.fs.cachedfiles import CachedFiles
from kernel.fs.credentials import Credentials
from kernel.fs.dentries import Dentries
from kernel.fs.file import File, FileOperations
from kernel.fs.files import Files
from kernel.fs.inode import Inode, InodeOperations, SuperBlockOperations
from kernel.fs.inodes import Inodes
from kernel.fs.mode import FileType
from kernel.fs.mount import Mount
from kernel.fs.mounts import Mounts
from kernel.fs.namekey import NameKey
from kernel.fs.openflag import OpenFlag
from kernel.fs.pagecache import PageCache
from kernel.fs.path import Path
from kernel.fs.paths import Paths
from kernel.fs.pipes import Pipes
from kernel.fs.superblocks import SuperBlocks
from pykasm import *

OWNER_MAY = 0o600
"""Permissions: the owner may read and write."""


class PipeEnds(Struct):
    """The open files of a pipe."""

    reader: Owned[Ptr[File]]
    writer: Owned[Ptr[File]]


class AnonymousFiles(Subsystem):
    """A file system of which nothing is seen anywhere, for pipes and other files that no name leads
    to. Context: thread."""

    mount = bss(OrNull[Owned[Ptr[Mount]]])

    def __init__(
        self,
        inodes: Inodes,
        dentries: Dentries,
        superblocks: SuperBlocks,
        mounts: Mounts,
        paths: Paths,
        files: Files,
        pipes: Pipes,
        cache: PageCache,
        cached: CachedFiles,
    ) -> None:
        self.inodes = inodes
        self.dentries = dentries
        self.superblocks = superblocks
        self.mounts = mounts
        self.paths = paths
        self.files = files
        self.pipes = pipes
        self.cache = cache
        self.cached = cached
        self.inode_operations = rodata(InodeOperations, InodeOperations(resize=cached.resize))
        """Nobody comes to a directory here, so there are no names to look up or to make."""
        self.operations = rodata(SuperBlockOperations, SuperBlockOperations(evict=self._evict))

    @function(context="thread", sleeps=True)
    def start(self) -> None:
        """Make the file system. Context: the thread that starts the kernel."""
        mov(
            self.mount, self.mounts.create_internal(address_of(self.operations), FileType.DIRECTORY)
        )

    @function
    def _evict(self, inode: Ptr[Inode]) -> None:
        """Free the pages, if it has any."""
        ignore(self.cache.truncate(inode, 0))

    @function(context="thread", sleeps=True)
    def create(
        self, path: Keep[Filled[Ptr[Path]]], mode: U32, operations: Keep[Ptr[FileOperations]]
    ) -> OrErrno[I32]:
        """Make a file of a `mode` with these operations, and `path`, which is nowhere, a reference
        to it. Returns 0 or -ENOMEM."""
        key, mount = local(NameKey), keep(self.mount)
        asserts(mount != 0)
        superblock = keep(mount.superblock)
        inode = keep(try_(self.inodes.create(superblock, mode), Errno.ENOMEM))
        mov(inode.links, 1)
        mov(inode.file_operations, operations)
        release(operations)
        lea(rax, self.inode_operations)
        mov(inode.operations, rax)
        mov(key.parent, 0)
        mov(key.text, text(""))
        mov(key.length, 0)
        mov(key.hash, 0)
        dentry = keep(self.dentries.create(superblock, address_of(key)))
        with if_(dentry == 0):
            self.inodes.drop(inode)
            fail(Errno.ENOMEM)
        self.dentries.set_inode(dentry, inode)
        mov(path.dentry, dentry)
        mount.references.gain()
        mov(path.mount, mount)
        ret(0)

    @function(context="thread", sleeps=True)
    def open(
        self,
        operations: Ptr[FileOperations],
        flags: U32,
        credentials: Ptr[Credentials],
    ) -> Owned[OrNull[Ptr[File]]]:
        """Make a file of no type with these operations, and open it by `OpenFlag`s, for reading and
        writing. Returns null without memory."""
        or_(flags, OpenFlag.READ_WRITE)
        tail(self.open_typed, OWNER_MAY, operations, flags, credentials)

    @function(context="thread", sleeps=True)
    def open_typed(
        self,
        mode: U32,
        operations: Ptr[FileOperations],
        flags: Keep[U32],
        credentials: Keep[Ptr[Credentials]],
    ) -> Owned[OrNull[Ptr[File]]]:
        """Do what `open` does, for a file of a `mode`, with the access that `flags` have."""
        path, file = local(Path), keep(OrNull[Ptr[File]])
        mov(u64(path.mount), 0)
        mov(u64(path.dentry), 0)
        fail_if(self.create(address_of(path), mode, operations) != 0)
        result, opened = self.files.open(address_of(path), flags, credentials)
        ignore(result, "null says as much")
        mov(file, opened)
        self.paths.drop(address_of(path))
        ret(file)

    @function(context="thread", sleeps=True)
    def memory(self, size: Keep[U64], credentials: Ptr[Credentials]) -> Owned[OrNull[Ptr[File]]]:
        """Make a file of `size` zeros, for memory that programs share, and open it. Returns null
        without memory."""
        operations = address_of(self.cached.operations)
        mode = FileType.REGULAR | OWNER_MAY
        file = scratch(try_(self.open_typed(mode, operations, OpenFlag.READ_WRITE, credentials)))
        inode = scratch(file.inode)
        mov(inode.size, size)
        ret(file)

    @function(context="thread", sleeps=True)
    def pipe(
        self,
        ends: Keep[Filled[Ptr[PipeEnds]]],
        flags: Keep[U32],
        credentials: Keep[Ptr[Credentials]],
    ) -> OrErrno[I32]:
        """Make a pipe with `OpenFlag`s, such as NONBLOCK, for both ends. Returns 0 or -ENOMEM."""
        path, result = local(Path), keep(I32)
        mov(u64(path.mount), 0)
        mov(u64(path.dentry), 0)
        operations = address_of(self.pipes.operations)
        try_(self.create(address_of(path), FileType.FIFO | OWNER_MAY, operations))
        mov(result, self._open_ends(address_of(path), ends, flags, credentials))
        self.paths.drop(address_of(path))
        ret(result)

    @function(context="thread", sleeps=True)
    def _open_ends(
        self,
        path: Keep[Ptr[Path]],
        ends: Keep[Filled[Ptr[PipeEnds]]],
        flags: Keep[U32],
        credentials: Keep[Ptr[Credentials]],
    ) -> OrErrno[I32]:
        """Open both ends of the pipe at `path`. Returns 0 or -ENOMEM."""
        other = local(Path)
        mov(u64(other.mount), 0)
        mov(u64(other.dentry), 0)
        self.paths.copy(address_of(other), path)
        failed, opened = self.files.open(address_of(other), flags, credentials)
        file = keep(opened)
        with if_(file == 0):
            mov(flags, u32(failed))
            self.paths.drop(address_of(other))
            ret(i32(flags))
        ignore(failed, "there is a file")
        or_(flags, OpenFlag.WRITE_ONLY)
        failed, opened = self.files.open(path, flags, credentials)
        with if_(opened == 0):
            mov(flags, u32(failed))
            self.files.drop(file)
            ret(i32(flags))
        ignore(failed, "there is a file")
        mov(ends.reader, file)
        mov(ends.writer, opened)
        ret(0)
