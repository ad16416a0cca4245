"""System calls that read and write several parts of memory at once."""

from __future__ import annotations

from typing import Any

from kernel.errno import Errno
from kernel.fs.file import File
from kernel.fs.fileio import MOST_BYTES, FileIo
from kernel.fs.files import Files
from kernel.fs.iovector import IoSegment, IoVector
from kernel.fs.mode import Access
from kernel.mm.heap import Heap
from kernel.paging.addresses import above_user_end
from kernel.process.filecalls import FileCalls
from kernel.process.systemcallgroup import SystemCallGroup
from kernel.vm.usercopy import UserCopy
from pykasm import *

FEW = 8
"""Segments for which no memory is allocated (Linux: UIO_FASTIOV)."""

MOST = 1024
"""Segments of a call (limits.h: IOV_MAX)."""

NO_EFFECT = 0x1 | 0x2 | 0x4
"""Flags of `preadv2` and `pwritev2` that nothing follows from where files are in memory alone:
RWF_HIPRI, RWF_DSYNC, RWF_SYNC (include/uapi/linux/fs.h)."""


class UserSegments(Struct):
    """Parts of a program's memory, as the kernel has copied their list."""

    vector: IoVector
    allocated: Owned[U64]
    """The list, if it is a long one; else 0."""
    few: Array[IoSegment] = field(count=FEW)


class VectorCalls(SystemCallGroup):
    """Each method is what Linux does for the call of its name (man-pages, section 2)."""

    def __init__(
        self, numbers: FileCalls, files: Files, io: FileIo, heap: Heap, copy: UserCopy
    ) -> None:
        self.numbers = numbers
        self.files = files
        self.io = io
        self.heap = heap
        self.copy = copy

    @function(context="thread", sleeps=True)
    def readv(self, number: U32, list: Keep[Fetched[User[U8]]], count: Keep[U32]) -> OrErrno[I64]:
        """Read from the file `number`."""
        self._move(number, Access.READ, list, count, self.io.read)

    @function(context="thread", sleeps=True)
    def writev(self, number: U32, list: Keep[Fetched[User[U8]]], count: Keep[U32]) -> OrErrno[I64]:
        """Write to the file `number`."""
        self._move(number, Access.WRITE, list, count, self.io.write)

    @function(context="thread", sleeps=True)
    def preadv(
        self, number: U32, list: Keep[Fetched[User[U8]]], count: Keep[U32], position: Keep[I64]
    ) -> OrErrno[I64]:
        """Read from the file `number` at `position`."""
        self._move(number, Access.READ, list, count, self.io.read_at, position)

    @function(context="thread", sleeps=True)
    def pwritev(
        self, number: U32, list: Keep[Fetched[User[U8]]], count: Keep[U32], position: Keep[I64]
    ) -> OrErrno[I64]:
        """Write to the file `number` at `position`."""
        self._move(number, Access.WRITE, list, count, self.io.write_at, position)

    @function(context="thread", sleeps=True)
    def preadv2(
        self,
        number: U32,
        list: Fetched[User[U8]],
        count: U32,
        position: I64,
        upper: U64,
        flags: U32,
    ) -> OrErrno[I64]:
        """Read by `flags` at `position`, or where the file is if that is -1."""
        fail_if(flags & ~NO_EFFECT, Errno.EOPNOTSUPP)
        with if_(position == -1):
            tail(self.readv, number, list, count)
        tail(self.preadv, number, list, count, position)

    @function(context="thread", sleeps=True)
    def pwritev2(
        self,
        number: U32,
        list: Fetched[User[U8]],
        count: U32,
        position: I64,
        upper: U64,
        flags: U32,
    ) -> OrErrno[I64]:
        """Write by `flags` at `position`, or where the file is if that is -1."""
        fail_if(flags & ~NO_EFFECT, Errno.EOPNOTSUPP)
        with if_(position == -1):
            tail(self.writev, number, list, count)
        tail(self.pwritev, number, list, count, position)

    @inline(changes=("number", "list", "count", *CALLER_SAVED))
    def _move(
        self,
        number: U32,
        access: Access,
        list: User[U8],
        count: U32,
        move: Any,
        *position: Any,
    ) -> None:
        """Call `move` for a file that is open for `access`, and return what it does from the
        caller's function."""
        segments, result = local(UserSegments), keep(I64)
        file = keep(try_(self._get(number, access), Errno.EBADF))
        mov(result, self.take(address_of(segments), list, count))
        with if_(result == 0):
            with if_(segments.vector.left != 0):
                mov(result, move(file, address_of(segments.vector), *position))
            self.heap.free(segments.allocated)
        self.files.drop(file)
        ret(result)

    @function(context="thread", sleeps=True)
    def _get(self, number: U32, access: Keep[U32]) -> Owned[OrNull[Ptr[File]]]:
        """Return a reference to the file `number`, or null if it is not open for `access`."""
        file = scratch(try_(self.numbers.get(number)))
        with if_((file.access & access) == 0):
            self.files.drop(file)
            ret(0)
        ret(file)

    @function(context="thread", sleeps=True)
    def take(
        self,
        segments: Keep[Filled[Ptr[UserSegments]]],
        list: Keep[Fetched[User[U8]]],
        count: Keep[U32],
    ) -> OrErrno[I64]:
        """Copy the `list` of `count` segments. Returns 0; or -EINVAL, -EFAULT or -ENOMEM."""
        fail_if(count > MOST, Errno.EINVAL)
        place = keep(address_of(segments.few))
        mov(segments.allocated, 0)
        with if_(count > FEW):
            mov(eax, count)
            shl(eax, int(sizeof(IoSegment)).bit_length() - 1)
            mov(segments.allocated, try_(self.heap.allocate(rax), Errno.ENOMEM))
            mov(u64(place), segments.allocated)
        mov(eax, count)
        shl(eax, int(sizeof(IoSegment)).bit_length() - 1)
        failed = keep(I64)
        result, left = self.copy.copy_in(u64(place), list, rax)
        ignore(left)
        movsxd(failed, result)
        with if_(failed == 0):
            mov(segments.vector.rest, place)
            mov(eax, count)
            mov(segments.vector.rest_count, rax)
            movsxd(failed, self._check(address_of(segments.vector)))
        with if_(failed != 0):
            self.heap.free(segments.allocated)
        ret(failed)

    @function
    def _check(self, vector: Ptr[IoVector]) -> OrErrno[I32]:
        """Begin at the segments of `vector`, and sum them up; no more than one call moves. Returns
        0; -EINVAL for a negative length, -EFAULT for addresses that are no program's."""
        segment, left = scratch(vector.rest), scratch(vector.rest_count)
        mov(vector.length, 0)
        mov(vector.left, 0)
        mov(vector.is_user, 1)
        with while_(left != 0):
            mov(rax, segment.length)
            fail_if(i64(rax) < 0, Errno.EINVAL)
            add(rax, segment.address)
            fail_if(CF, Errno.EFAULT)
            fail_if(above_user_end(rax), Errno.EFAULT)
            mov(rax, MOST_BYTES)
            sub(rax, vector.left)
            with if_(segment.length > rax):
                mov(segment.length, rax)
            mov(rax, segment.length)
            add(vector.left, rax)
            add(segment, sizeof(IoSegment))
            dec(left)
        ret(0)
