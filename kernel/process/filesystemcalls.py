"""System calls about the kinds of file systems, and those of long ago about one that is mounted."""

from __future__ import annotations

from enum import IntEnum

from kernel.errno import Errno
from kernel.fs.fscontext import FsContext
from kernel.fs.inode import SuperBlock
from kernel.fs.mounts import Mounts
from kernel.fs.superblocks import SuperBlocks
from kernel.process.processes import Processes
from kernel.process.systemcallgroup import SystemCallGroup
from kernel.process.userpath import UserPaths
from kernel.text.strings import Strings
from kernel.vm.usercopy import UserCopy
from pykasm import *


class KindQuestion(IntEnum):
    """What `sysfs` is asked (sysfs(2))."""

    INDEX_OF = 1
    NAME_OF = 2
    COUNT = 3


class Room(Struct, size=32):
    """Linux's `struct ustat`."""

    free_blocks: U32
    free_files: U64 = field(at=8)


class FileSystemCalls(SystemCallGroup):
    """Each method is what Linux does for the call of its name (man-pages, section 2)."""

    def __init__(
        self,
        processes: Processes,
        superblocks: SuperBlocks,
        mounts: Mounts,
        names: UserPaths,
        strings: Strings,
        copy: UserCopy,
    ) -> None:
        self.processes = processes
        self.superblocks = superblocks
        self.mounts = mounts
        self.names = names
        self.strings = strings
        self.copy = copy

    # Kinds

    @function(context="thread", sleeps=True)
    def sysfs(self, question: U32, name: Fetched[User[U8]], buffer: User[U8]) -> OrErrno[I64]:
        """Tell the index of the kind of file systems that is called `name`; the name of that whose
        index stands in its place; or how many there are."""
        with if_(question == KindQuestion.INDEX_OF):
            tail(self._index_of, name)
        with if_(question == KindQuestion.NAME_OF):
            tail(self._name_of, u32(name), buffer)
        fail_if(question != KindQuestion.COUNT, Errno.EINVAL)
        ret(len(self.superblocks.kinds))

    @function(context="thread", sleeps=True)
    def _index_of(self, name: Fetched[User[U8]]) -> OrErrno[I64]:
        """Return the index of a kind by its name; -EINVAL if there is none."""
        result = keep(I64)
        failed, taken = self.names.take(name)
        with if_(taken == 0):
            movsxd(rax, failed)
            ret(rax)
        ignore(failed, "there is a name")
        copied = keep(taken)
        mov(result, -Errno.EINVAL)
        for index, kind in enumerate(self.superblocks.kinds):
            with if_(self.strings.equal(copied, text(kind))):
                mov(result, index)
        self.names.free(copied)
        ret(result)

    @function(context="thread", sleeps=True)
    def _name_of(self, index: U32, buffer: User[U8]) -> OrErrno[I64]:
        """Store the name of the kind with this index; -EINVAL if there is none."""
        for number, kind in enumerate(self.superblocks.kinds):
            with if_(index == number):
                tail(self._store, buffer, text(kind), len(kind) + 1)
        ret(-Errno.EINVAL)

    @function(context="thread", sleeps=True)
    def _store(self, buffer: User[U8], bytes: Disclosed[U64], length: U64) -> OrErrno[I64]:
        """Copy what is told to the program."""
        result, left = self.copy.copy_out(buffer, bytes, length)
        ignore(left)
        movsxd(rax, result)
        ret(rax)

    # Room

    @function(context="thread", sleeps=True)
    def ustat(self, device: U32, buffer: Keep[User[U8]]) -> OrErrno[I64]:
        """Tell how much room there is in the file system of the number `device`, which is mounted
        where this process sees it."""
        room, device, number = local(Room), keep(device), keep(U64)
        xor(u32(number), u32(number))
        zero(room)
        with loop():
            task = self.processes.current()
            context = scratch(cast(task.context, Ptr[FsContext]))
            mount = keep(try_(self.mounts.find_from(context.namespace, number), Errno.EINVAL))
            mov(number, mount.number)
            inc(number)
            superblock = scratch(mount.superblock)
            mov(eax, device)
            with if_(superblock.device == rax):
                self._fill(address_of(room), superblock)
                self.mounts.drop(mount)
                break_()
            self.mounts.drop(mount)
            release(mount)
        result, left = self.copy.copy_out(buffer, address_of(room), sizeof(Room))
        ignore(left)
        movsxd(rax, result)
        ret(rax)

    @function
    def _fill(self, room: Ptr[Room], superblock: Ptr[SuperBlock]) -> None:
        """Tell of `superblock`, if it has bounds."""
        room, superblock = scratch(room), scratch(superblock)
        for most, used, place in (
            ("most_pages", "pages", room.free_blocks),
            ("most_inodes", "inodes", room.free_files),
        ):
            mov(rax, getattr(superblock, most))
            with if_(i64(rax) != -1):
                sub(rax, getattr(superblock, used))
                with if_(CF):
                    xor(eax, eax)
                if most == "most_pages":
                    mov(place, eax)
                else:
                    mov(place, rax)
