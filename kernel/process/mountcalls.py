"""System calls about file systems as a whole."""

from __future__ import annotations

from kernel.cpu.pagetable import PAGE
from kernel.errno import Errno
from kernel.fs.credentials import Credentials
from kernel.fs.file import File
from kernel.fs.files import Files
from kernel.fs.fscontext import FsContext
from kernel.fs.inode import NAME_MAX, SuperBlock
from kernel.fs.mount import Mount, MountFlag
from kernel.fs.mounting import Mounting
from kernel.fs.mountrequest import MOUNT_FLAGS, MountArguments
from kernel.fs.openflag import OpenFlag
from kernel.fs.subject import Subject
from kernel.fs.unmounting import UnmountFlag, Unmounting
from kernel.process.filecalls import FileCalls
from kernel.process.namestarts import AT_FDCWD
from kernel.process.pathcalls import PathCalls
from kernel.process.processes import Processes
from kernel.process.systemcallgroup import SystemCallGroup
from kernel.process.userpath import UserPaths
from kernel.vm.usercopy import UserCopy
from pykasm import *

MAGIC_MASK, MAGIC = 0xFFFF_0000, 0xC0ED_0000
"""The upper half of the flags of `mount`, as programs of long ago gave it (MS_MGC_VAL)."""

UNMOUNT_FLAGS = int(
    UnmountFlag.FORCE | UnmountFlag.DETACH | UnmountFlag.EXPIRE | UnmountFlag.NO_FOLLOW
)

NAMES = ("source", "target", "kind", "options")
"""The arguments of `mount` that are texts."""

VALID = 0x20
"""In the flags that `statfs` tells: they are there (ST_VALID)."""

RENUMBERED = ((MountFlag.RELATIVE_TIMES, 0x1000), (MountFlag.NO_SYMLINKS, 0x2000))
"""Those flags that have other numbers there (ST_RELATIME, ST_NOSYMFOLLOW)."""


class FileSystemStatus(Struct, size=120):
    """Linux's `struct statfs`."""

    type: U64
    block_size: U64
    blocks: U64
    free_blocks: U64
    available_blocks: U64
    files: U64
    free_files: U64
    identifier: U64
    longest_name: U64
    fragment_size: U64
    flags: U64


class MountCalls(SystemCallGroup):
    """Each method is what Linux does for the call of its name (man-pages, section 2)."""

    def __init__(
        self,
        processes: Processes,
        numbers: FileCalls,
        paths: PathCalls,
        names: UserPaths,
        files: Files,
        mounting: Mounting,
        unmounting: Unmounting,
        copy: UserCopy,
    ) -> None:
        self.processes = processes
        self.numbers = numbers
        self.paths = paths
        self.names = names
        self.files = files
        self.mounting = mounting
        self.unmounting = unmounting
        self.copy = copy

    @inline(changes=(rax, rcx))
    def _begin(self, subject: Subject) -> None:
        """Make the task that runs `subject`."""
        task = self.processes.current()
        mov(rcx, task.credentials)
        mov(subject.credentials, cast(rcx, Ptr[Credentials]))
        mov(rcx, task.context)
        mov(subject.context, cast(rcx, Ptr[FsContext]))

    @function(context="thread", sleeps=True)
    def mount(
        self,
        source: Keep[Fetched[User[U8]]],
        target: Keep[Fetched[User[U8]]],
        kind: Keep[Fetched[User[U8]]],
        flags: Keep[U64],
        options: Keep[Fetched[User[U8]]],
    ) -> OrErrno[I64]:
        """Mount a file system of a `kind` on `target`, or what is at `source`; or change what is
        mounted there. No kind has a source."""
        arguments, subject, result = local(MountArguments), local(Subject), local(I64)
        self._begin(subject)
        lea(rax, subject)
        mov(u64(arguments.subject), rax)
        mov(eax, u32(flags))
        and_(eax, MAGIC_MASK)
        with if_(eax == MAGIC):
            and_(u32(flags), ~MAGIC_MASK & 0xFFFF_FFFF)
        mov(arguments.flags, u32(flags))
        release(flags)
        for name in NAMES:
            mov(u64(getattr(arguments, name)), 0)
        mov(result, 0)
        for name, given in (
            ("kind", kind),
            ("source", source),
            ("target", target),
            ("options", options),
        ):
            with if_(result == 0):
                failed, taken = self._take(given)
                mov(result, failed)
                mov(getattr(arguments, name), taken)
        with if_(result == 0):
            done = self._mount(address_of(arguments))
            mov(result, done)
        for name in NAMES:
            owned = scratch(getattr(arguments, name))
            with if_(owned != 0):
                self.names.free(owned)
        ret(result)

    @function(context="thread", sleeps=True)
    def _take(self, name: Fetched[User[U8]]) -> tuple[OrErrno[I64], Owned[OrNull[Ptr[U8]]]]:
        """Return 0 and a copy of a program's text, null if there is none; or an error and null."""
        result = keep(I64)
        with if_(u64(name) == 0):
            ret(0, 0)
        failed, taken = self.names.take(name)
        movsxd(result, failed)
        ret(result, taken)

    @function(context="thread", sleeps=True)
    def _mount(self, arguments: Ptr[MountArguments]) -> OrErrno[I64]:
        """Do what `mount` does for copies of the arguments."""
        fail_if(arguments.target == 0, Errno.EFAULT)
        movsxd(rax, self.mounting.mount(arguments))
        ret(rax)

    @function(context="thread", sleeps=True)
    def umount2(self, target: Fetched[User[U8]], flags: Keep[U32]) -> OrErrno[I64]:
        """Unmount what is mounted on the directory `target`."""
        subject, result = local(Subject), keep(I64)
        fail_if(flags & ~UNMOUNT_FLAGS, Errno.EINVAL)
        failed, taken = self.names.take(target)
        with if_(taken == 0):
            movsxd(rax, failed)
            ret(rax)
        ignore(failed, "there is a name")
        name = keep(taken)
        self._begin(subject)
        done = self.unmounting.unmount(address_of(subject), name, flags)
        movsxd(result, done)
        self.names.free(name)
        ret(result)

    # Telling

    @function(context="thread", sleeps=True)
    def statfs(self, name: Fetched[User[U8]], buffer: Keep[User[U8]]) -> OrErrno[I64]:
        """Tell of the file system that the file `name` is in."""
        failed, opened = self.paths.find(AT_FDCWD, name, OpenFlag.PATH, 0)
        with if_(opened == 0):
            ret(failed)
        ignore(failed, "it is there")
        tail(self._tell, opened, buffer)

    @function(context="thread", sleeps=True)
    def fstatfs(self, number: U32, buffer: Keep[User[U8]]) -> OrErrno[I64]:
        """Tell of the file system that the open file `number` is in."""
        file = try_(self.numbers.get(number), Errno.EBADF)
        tail(self._tell, file, buffer)

    @function(context="thread", sleeps=True)
    def _tell(self, file: Keep[Owned[Ptr[File]]], buffer: Keep[User[U8]]) -> OrErrno[I64]:
        """Tell of the file system of `file`, to which the reference is dropped."""
        status = local(FileSystemStatus)
        mount = scratch(file.path.mount)
        asserts(mount != 0)
        self._fill(address_of(status), mount)
        self.files.drop(file)
        result, left = self.copy.copy_out(buffer, address_of(status), sizeof(FileSystemStatus))
        ignore(left)
        movsxd(rax, result)
        ret(rax)

    @function
    def _fill(self, status: Ptr[FileSystemStatus], mount: Ptr[Mount]) -> None:
        """Describe the file system of `mount`. One without bounds has no sizes."""
        status, superblock, mount = scratch(status), scratch(mount.superblock), scratch(mount)
        zero(status)
        mov(rax, superblock.magic)
        mov(status.type, rax)
        mov(status.block_size, PAGE)
        mov(status.fragment_size, PAGE)
        mov(status.longest_name, NAME_MAX)
        mov(rax, superblock.device)
        mov(status.identifier, rax)
        self._fill_sizes(status, superblock)
        self._fill_flags(status, mount)

    @inline(changes=(rax, rcx))
    def _fill_flags(self, status: Ptr[FileSystemStatus], mount: Ptr[Mount]) -> None:
        """Tell what is so of `mount`: flags have the numbers that `mount` takes, but for some."""
        mov(ecx, mount.flags)
        mov(eax, ecx)
        and_(eax, int(MOUNT_FLAGS) & ~sum(flag for flag, _ in RENUMBERED))
        or_(eax, VALID)
        with if_(mount.is_read_only()):
            or_(eax, MountFlag.READ_ONLY)
        for flag, number in RENUMBERED:
            with if_(ecx & flag):
                or_(eax, number)
        mov(status.flags, rax)

    @inline(changes=(rax, rcx))
    def _fill_sizes(self, status: Ptr[FileSystemStatus], superblock: Ptr[SuperBlock]) -> None:
        """Tell how many pages and inodes there may be, and how many more, where that has bounds."""
        for most, used, total, free in (
            ("most_pages", "pages", "blocks", "free_blocks"),
            ("most_inodes", "inodes", "files", "free_files"),
        ):
            mov(rax, getattr(superblock, most))
            with if_(i64(rax) != -1):
                mov(getattr(status, total), rax)
                sub(rax, getattr(superblock, used))
                with if_(CF):
                    xor(eax, eax)
                mov(getattr(status, free), rax)
        mov(rax, status.free_blocks)
        mov(status.available_blocks, rax)

    @function(context="thread", sleeps=True)
    def syncfs(self, number: U32) -> OrErrno[I64]:
        """Wait until what was written to the file system of the file `number` is where it stays: it
        is in memory."""
        file, flags = scratch(try_(self.numbers.get(number), Errno.EBADF)), keep(U32)
        mov(flags, file.flags)
        self.files.drop(file)
        fail_if(flags & OpenFlag.PATH, Errno.EBADF)
        ret(0)
