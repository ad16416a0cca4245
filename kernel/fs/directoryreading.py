"""Names of a directory for a program."""

from __future__ import annotations

from typing import Any

from kernel.errno import Errno
from kernel.fs.directorylister import DirectoryLister, ListedName, TakeName
from kernel.fs.file import File
from kernel.fs.fileio import FileIo
from kernel.fs.inode import NAME_MAX
from kernel.structures.alignment import round_up
from kernel.vm.usercopy import UserCopy
from pykasm import *


class DirectoryEntry(Struct, packed=True):
    """A name, as `getdents64` tells it (include/linux/dirent.h, struct linux_dirent64)."""

    number: U64
    next: U64
    """The position after it."""
    length: U16
    """Bytes of the record, a multiple of 8."""
    type: U8
    name: Array[U8] = field(count=NAME_MAX + 1 + sizeof(U64))


NAME_OFFSET = offsetof(DirectoryEntry, "name")


class OldDirectoryEntry(Struct, packed=True):
    """A name, as `getdents` tells it (fs/readdir.c, struct linux_dirent): its type is the last byte
    of the record."""

    number: U64
    next: U64
    length: U16
    name: Array[U8] = field(count=NAME_MAX + 1 + sizeof(U64))


OLD_NAME_OFFSET = offsetof(OldDirectoryEntry, "name")


class DirectoryBuffer(DirectoryLister):
    """Where a program wants names."""

    is_old: U32
    """1 if it wants them as `getdents` tells them."""

    buffer: User[U8]
    left: U64
    result: I32
    """What was wrong with the buffer, or 0."""


class DirectoryReading(Subsystem):
    """What `getdents64` does. Context: thread."""

    def __init__(self, io: FileIo, copies: UserCopy) -> None:
        self.io = io
        self.copies = copies

    @function(context="thread", sleeps=True)
    def getdents64(self, file: Ptr[File], buffer: User[U8], length: U64) -> OrErrno[I64]:
        """Copy as many names from the file's position on as go into `length` bytes at a program's
        `buffer`. Returns how many bytes those are, 0 at the end, or an error; -EINVAL if not even
        one goes in."""
        tail(self._list, file, buffer, length, 0)

    @function(context="thread", sleeps=True)
    def getdents(self, file: Ptr[File], buffer: User[U8], length: U64) -> OrErrno[I64]:
        """Do what `getdents64` does, with records of the older form."""
        tail(self._list, file, buffer, length, 1)

    @function(context="thread", sleeps=True)
    def _list(
        self, file: Ptr[File], buffer: User[U8], length: Keep[U64], is_old: U32
    ) -> OrErrno[I64]:
        """Copy names by records of one form."""
        place = local(DirectoryBuffer)
        mov(place.buffer, buffer)
        mov(place.is_old, is_old)
        mov(place.left, length)
        mov(place.result, 0)
        mov(rax, address_of(self._take))
        mov(place.take, cast(rax, TakeName))
        listed = self.io.list(file, address_of(place))
        with if_(listed != 0):
            movsxd(rax, listed)
            ret(i64(rax))
        sub(length, place.left)
        with if_(length == 0):
            movsxd(rax, place.result)
            ret(i64(rax))
        ret(i64(length))

    @function(context="thread", sleeps=True)
    def _take(self, lister: Keep[Ptr[DirectoryLister]], name: Keep[Ptr[ListedName]]) -> Bool:
        """Copy a name out, as `TakeName` says."""
        entry, size = local(DirectoryEntry), keep(U64)
        place = keep(cast(lister, Ptr[DirectoryBuffer]))
        with if_(place.is_old != 0):
            self._fill_old(address_of(cast(entry, OldDirectoryEntry)), name)
        with else_():
            self._fill(address_of(entry), name)
        movzx(u32(size), entry.length)  # which is at the same place in both
        with if_(size > place.left):
            mov(place.result, -Errno.EINVAL)
            ret(False)
        result, rest = self.copies.copy_out(place.buffer, address_of(entry), size)
        ignore(rest, "nothing or all counts")
        with if_(result != 0):
            mov(place.result, result)
            ret(False)
        add(u64(place.buffer), size)
        sub(place.left, size)
        ret(True)

    @function
    def _fill(self, entry: Ptr[DirectoryEntry], name: Ptr[ListedName]) -> None:
        """Fill the record of `name`."""
        entry, name = scratch(entry), scratch(name)
        mov(rax, name.type)
        mov(entry.type, al)
        self._fill_common(entry, name, NAME_OFFSET + 1)

    @function
    def _fill_old(self, entry: Ptr[OldDirectoryEntry], name: Ptr[ListedName]) -> None:
        """Fill the older record of `name`."""
        entry, name = scratch(entry), scratch(name)
        self._fill_common(entry, name, OLD_NAME_OFFSET + 2)
        movzx(ecx, entry.length)
        mov(rax, name.type)
        mov(u8[u64(entry) + rcx - 1], al)

    @inline(changes=(rax, rcx, rsi, rdi))
    def _fill_common(self, entry: Ptr[Any], name: Ptr[ListedName], others: int) -> None:
        """Fill in what records of both forms have: numbers, the length and the name. Without the
        bytes of the name, a record has at least `others`."""
        mov(rax, name.number)
        mov(entry.number, rax)
        mov(rax, name.next)
        mov(entry.next, rax)
        mov(rcx, name.length)
        lea(rax, bare[rcx + others])
        round_up(rax, sizeof(U64))
        mov(entry.length, ax)
        lea(rsi, name.text)
        lea(rdi, entry.name)
        rep.movsb()
        # The end of the name, and with it what rounding adds: no byte of this stack is told
        mov(u64[rdi], 0)
