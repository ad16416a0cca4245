"""System calls that move bytes between files."""

from __future__ import annotations

from kernel.errno import Errno
from kernel.fs.file import File, FileKindFlag
from kernel.fs.fileio import MOST_BYTES
from kernel.fs.files import Files
from kernel.fs.inode import is_type
from kernel.fs.mode import Access, FileType
from kernel.fs.openflag import OpenFlag
from kernel.fs.transfers import Transfer, Transfers
from kernel.process.filecalls import FileCalls
from kernel.process.systemcallgroup import SystemCallGroup
from kernel.vm.usercopy import UserCopy
from pykasm import *


class TransferCalls(SystemCallGroup):
    """Each method is what Linux does for the call of its name (man-pages, section 2)."""

    def __init__(
        self, numbers: FileCalls, files: Files, transfers: Transfers, copy: UserCopy
    ) -> None:
        self.numbers = numbers
        self.files = files
        self.transfers = transfers
        self.copy = copy

    # sendfile

    @function(context="thread", sleeps=True)
    def sendfile(
        self, target: Keep[U32], source: U32, place: Keep[User[U8]], length: Keep[U64]
    ) -> OrErrno[I64]:
        """Copy `length` bytes to the file `target` from the file `source`: from the offset that is
        at `place`, which moves on, or from where that is if `place` is null."""
        transfer, result = local(Transfer), keep(I64)
        self._begin(transfer, length)
        mov(transfer.is_placed, 0)
        file = keep(try_(self.numbers.get(source), Errno.EBADF))
        mov(transfer.source, file)
        mov(result, -Errno.EBADF)
        found = scratch(self.numbers.get(target))
        with if_(found != 0):
            mov(transfer.target, found)
            mov(result, self._send(address_of(transfer), place))
            taken = scratch(transfer.target)
            take_over(taken, "the transfer had it")
            self.files.drop(taken)
        self.files.drop(file)
        ret(result)

    @inline(changes="length")
    def _begin(self, transfer: Transfer, length: U64) -> None:
        """Note how many bytes are asked for, or as many as one call moves."""
        with if_(length > MOST_BYTES):
            mov(length, MOST_BYTES)
        mov(transfer.left, length)

    @function(context="thread", sleeps=True)
    def _send(self, transfer: Keep[Ptr[Transfer]], place: Keep[User[U8]]) -> OrErrno[I64]:
        """Do what `sendfile` does."""
        source, target, result = keep(transfer.source), scratch(transfer.target), keep(I64)
        fail_if((source.access & Access.READ) == 0, Errno.EBADF)
        fail_if((target.access & Access.WRITE) == 0, Errno.EBADF)
        fail_if((place != 0) & (source.kind & FileKindFlag.STREAM), Errno.ESPIPE)
        fail_if(source.kind & FileKindFlag.STREAM, Errno.EINVAL)
        fail_if(target.flags & OpenFlag.APPEND, Errno.EINVAL)
        release(target)
        try_(self._start_at(address_of(transfer.position), source, place))
        mov(result, self.transfers.run(transfer))
        with if_(result > 0):
            try_(self._leave_at(address_of(transfer.position), source, place))
        ret(result)

    @function(context="thread", sleeps=True)
    def _start_at(
        self, position: Keep[Ptr[U64]], file: Ptr[File], place: Fetched[User[U8]]
    ) -> OrErrno[I64]:
        """Store the offset that the program has at `place`, or that of `file`, in `position`."""
        with if_(place == 0):
            mov(rax, file.position)
            mov(at(position), rax)
            ret(0)
        self.copy.copy_in_all(u64(position), place, sizeof(U64))
        fail_if(i64(at(position)) < 0, Errno.EINVAL)
        ret(0)

    @function(context="thread", sleeps=True)
    def _leave_at(self, position: Ptr[U64], file: Ptr[File], place: User[U8]) -> OrErrno[I64]:
        """Store `position` where `_start_at` took it from."""
        with if_(place == 0):
            mov(rax, at(position))
            mov(file.position, rax)
            ret(0)
        self.copy.copy_out_all(place, u64(position), sizeof(U64))
        ret(0)

    # copy_file_range

    @function(context="thread", sleeps=True)
    def copy_file_range(
        self,
        source: U32,
        source_place: Keep[User[U8]],
        target: Keep[U32],
        target_place: Keep[User[U8]],
        length: Keep[U64],
        flags: U32,
    ) -> OrErrno[I64]:
        """Copy `length` bytes between two regular files, from and to offsets as `sendfile` has
        them."""
        transfer, result = local(Transfer), local(I64)
        fail_if(flags != 0, Errno.EINVAL)
        self._begin(transfer, length)
        mov(transfer.is_placed, 1)
        file = keep(try_(self.numbers.get(source), Errno.EBADF))
        mov(transfer.source, file)
        mov(result, -Errno.EBADF)
        found = scratch(self.numbers.get(target))
        with if_(found != 0):
            mov(transfer.target, found)
            mov(result, self._copy_range(address_of(transfer), source_place, target_place))
            taken = scratch(transfer.target)
            take_over(taken, "the transfer had it")
            self.files.drop(taken)
        self.files.drop(file)
        ret(result)

    @function(context="thread", sleeps=True)
    def _copy_range(
        self,
        transfer: Keep[Ptr[Transfer]],
        source_place: Keep[User[U8]],
        target_place: Keep[User[U8]],
    ) -> OrErrno[I64]:
        """Do what `copy_file_range` does."""
        result = local(I64)
        source, target = keep(transfer.source), keep(transfer.target)
        try_(self._check_range(source, target))
        try_(self._start_at(address_of(transfer.position), source, source_place))
        try_(self._start_at(address_of(transfer.target_position), target, target_place))
        try_(self._check_apart(transfer))
        mov(result, self.transfers.run(transfer))
        with if_(result > 0):
            try_(self._leave_at(address_of(transfer.position), source, source_place))
            try_(self._leave_at(address_of(transfer.target_position), target, target_place))
        ret(result)

    @function
    def _check_range(self, source: Ptr[File], target: Ptr[File]) -> OrErrno[I64]:
        """Return 0 if ranges can be copied from `source` to `target`, or an error."""
        source, target = scratch(source), scratch(target)
        inodes = scratch(source.inode), scratch(target.inode)
        for file in (source, target):
            fail_if(file.flags & OpenFlag.PATH, Errno.EBADF)
        for one in inodes:
            fail_if(is_type(one, FileType.DIRECTORY), Errno.EISDIR)
        for one in inodes:
            fail_if(~is_type(one, FileType.REGULAR), Errno.EINVAL)
        fail_if((source.access & Access.READ) == 0, Errno.EBADF)
        fail_if((target.access & Access.WRITE) == 0, Errno.EBADF)
        fail_if(target.flags & OpenFlag.APPEND, Errno.EBADF)
        ret(0)

    @function
    def _check_apart(self, transfer: Ptr[Transfer]) -> OrErrno[I64]:
        """Ask for no more than the source has. Return 0 if no byte would be copied within one file
        to where others come from; or -EINVAL."""
        source, target = scratch(transfer.source), scratch(transfer.target)
        inode = scratch(source.inode)
        mov(rax, inode.size)
        sub(rax, transfer.position)
        with if_(i64(rax) < 0):
            xor(eax, eax)
        with if_(rax < transfer.left):
            mov(transfer.left, rax)
        with if_(inode != target.inode):
            ret(0)
        mov(rax, transfer.position)
        sub(rax, transfer.target_position)
        with if_(i64(rax) < 0):
            neg(rax)
        fail_if(rax < transfer.left, Errno.EINVAL)
        ret(0)
