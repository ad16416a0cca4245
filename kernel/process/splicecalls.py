"""System calls that move bytes into pipes and out of them."""

from __future__ import annotations

from enum import IntFlag

from kernel.errno import Errno
from kernel.fs.file import File, FileKindFlag
from kernel.fs.fileio import MOST_BYTES
from kernel.fs.files import Files
from kernel.fs.iovector import IoVector
from kernel.fs.mode import Access
from kernel.fs.openflag import OpenFlag
from kernel.fs.pipe import Pipe
from kernel.fs.pipes import Pipes
from kernel.fs.splicing import Splice, Splicing
from kernel.mm.heap import Heap
from kernel.process.filecalls import FileCalls
from kernel.process.systemcallgroup import SystemCallGroup
from kernel.process.vectorcalls import UserSegments, VectorCalls
from kernel.vm.usercopy import UserCopy
from pykasm import *


class SpliceFlag(IntFlag):
    """Flags of these calls (include/linux/splice.h). Only the second changes what is seen."""

    MOVE = 1
    NONBLOCK = 2
    MORE = 4
    GIFT = 8


KNOWN = sum(SpliceFlag)


class SpliceCalls(SystemCallGroup):
    """Each method is what Linux does for the call of its name (man-pages, section 2)."""

    def __init__(
        self,
        numbers: FileCalls,
        vectors: VectorCalls,
        files: Files,
        pipes: Pipes,
        splicing: Splicing,
        heap: Heap,
        copy: UserCopy,
    ) -> None:
        self.numbers = numbers
        self.vectors = vectors
        self.files = files
        self.pipes = pipes
        self.splicing = splicing
        self.heap = heap
        self.copy = copy

    # From one to another

    @function(context="thread", sleeps=True)
    def splice(
        self,
        source: U32,
        source_place: Keep[User[U8]],
        target: Keep[U32],
        target_place: Keep[User[U8]],
        length: U64,
        flags: U32,
    ) -> OrErrno[I64]:
        """Move `length` bytes from the file `source` to the file `target`, one of which is a pipe;
        the other one from or to the offset at its place, unless that is null."""
        splice, result = local(Splice), keep(I64)
        with if_(length == 0):
            ret(0)
        fail_if(flags & ~KNOWN, Errno.EINVAL)
        self._begin(splice, length, flags)
        mov(splice.keeps, 0)
        try_(self._take(address_of(splice), source, target))
        mov(result, self._splice(address_of(splice), source_place, target_place))
        self._drop(address_of(splice))
        ret(result)

    @inline(changes=("length", rax))
    def _begin(self, splice: Splice, length: U64, flags: U32) -> None:
        """Note how many bytes are to be moved, or as many as one call moves, and how."""
        with if_(length > MOST_BYTES):
            mov(length, MOST_BYTES)
        mov(splice.left, length)
        xor(eax, eax)
        with if_((flags & SpliceFlag.NONBLOCK) == 0):
            inc(eax)
        mov(splice.waits, eax)
        mov(splice.is_placed, 0)

    @function(context="thread", sleeps=True)
    def _take(self, splice: Keep[Ptr[Splice]], source: U32, target: Keep[U32]) -> OrErrno[I64]:
        """Have `splice` refer to the files of these numbers, until `_drop`. Returns 0; -EBADF
        unless the first can be read and the second written."""
        first = keep(try_(self.numbers.get(source), Errno.EBADF))
        second = keep(self.numbers.get(target))
        with if_(second == 0):
            self.files.drop(first)
            fail(Errno.EBADF)
        with if_(((first.access & Access.READ) == 0) | ((second.access & Access.WRITE) == 0)):
            self.files.drop(first)
            self.files.drop(second)
            fail(Errno.EBADF)
        mov(splice.source, first)
        mov(splice.target, second)
        disown(first, "the splice has it")
        disown(second, "the splice has it")
        ret(0)

    @function(context="thread", sleeps=True)
    def _drop(self, splice: Keep[Ptr[Splice]]) -> None:
        """Drop the files that `splice` has."""
        for name in ("source", "target"):
            file = scratch(getattr(splice, name))
            take_over(file, "the splice had it")
            self.files.drop(file)

    @function(context="thread", sleeps=True)
    def _splice(
        self,
        splice: Keep[Ptr[Splice]],
        source_place: Keep[User[U8]],
        target_place: Keep[User[U8]],
    ) -> OrErrno[I64]:
        """Do what `splice` does for its files."""
        from_pipe = keep(self.pipes.find(splice.source))
        into_pipe = keep(self.pipes.find(splice.target))
        with if_(from_pipe != 0):
            fail_if(source_place != 0, Errno.ESPIPE)
            with if_(into_pipe != 0):
                fail_if(target_place != 0, Errno.ESPIPE)
                tail(self._between, splice, from_pipe, into_pipe)
            target = scratch(splice.target)
            fail_if(target.flags & OpenFlag.APPEND, Errno.EINVAL)
            release(target)
            self._obey(splice, splice.source)
            tail(self._at_place, splice, splice.target, target_place, from_pipe, 0)
        fail_if(into_pipe == 0, Errno.EINVAL)
        fail_if(target_place != 0, Errno.ESPIPE)
        self._obey(splice, splice.target)
        tail(self._at_place, splice, splice.source, source_place, into_pipe, 1)

    @inline
    def _obey(self, splice: Ptr[Splice], file: Ptr[File]) -> None:
        """Not wait where the pipe `file` does not."""
        pipe_file = scratch(file)
        with if_(pipe_file.flags & OpenFlag.NONBLOCK):
            mov(splice.waits, 0)
        release(pipe_file)

    @function(context="thread", sleeps=True)
    def _between(self, splice: Ptr[Splice], source: Ptr[Pipe], target: Ptr[Pipe]) -> OrErrno[I64]:
        """Move bytes from one pipe to another one."""
        fail_if(source == target, Errno.EINVAL)
        self._obey(splice, splice.source)
        self._obey(splice, splice.target)
        tail(self.splicing.drain, splice, source)

    @function(context="thread", sleeps=True)
    def _at_place(
        self,
        splice: Keep[Ptr[Splice]],
        file: Ptr[File],
        place: Keep[User[U8]],
        pipe: Keep[Ptr[Pipe]],
        fills: Keep[U32],
    ) -> OrErrno[I64]:
        """Fill `pipe` from `file`, or drain it into that, from or to the offset at `place`, which
        moves on; where `file` is if that is null."""
        result = keep(I64)
        with if_(place != 0):
            fail_if(file.kind & FileKindFlag.STREAM, Errno.EINVAL)
            try_(self._fetch_place(splice, place))
        with if_(fills != 0):
            mov(result, self.splicing.fill(splice, pipe))
        with else_():
            mov(result, self.splicing.drain(splice, pipe))
        with if_((place != 0) & (result > 0)):
            self.copy.copy_out_all(place, address_of(splice.position), sizeof(U64))
        ret(result)

    @function(context="thread", sleeps=True)
    def _fetch_place(self, splice: Keep[Ptr[Splice]], place: Fetched[User[U8]]) -> OrErrno[I64]:
        """Note the offset that the program has at `place`. Returns 0, -EFAULT or -EINVAL."""
        mov(splice.is_placed, 1)
        self.copy.copy_in_all(address_of(splice.position), place, sizeof(U64))
        fail_if(i64(splice.position) < 0, Errno.EINVAL)
        ret(0)

    @function(context="thread", sleeps=True)
    def tee(self, source: U32, target: Keep[U32], length: U64, flags: U32) -> OrErrno[I64]:
        """Copy `length` bytes from the pipe `source` to the pipe `target`, where they stay in the
        first one, too."""
        splice, result = local(Splice), keep(I64)
        fail_if(flags & ~KNOWN, Errno.EINVAL)
        with if_(length == 0):
            ret(0)
        self._begin(splice, length, flags)
        mov(splice.keeps, 1)
        try_(self._take(address_of(splice), source, target))
        mov(result, self._tee(address_of(splice)))
        self._drop(address_of(splice))
        ret(result)

    @function(context="thread", sleeps=True)
    def _tee(self, splice: Keep[Ptr[Splice]]) -> OrErrno[I64]:
        """Do what `tee` does for its files."""
        source = keep(try_(self.pipes.find(splice.source), Errno.EINVAL))
        target = try_(self.pipes.find(splice.target), Errno.EINVAL)
        tail(self._between, splice, source, target)

    # From memory

    @function(context="thread", sleeps=True)
    def vmsplice(
        self, number: U32, list: Keep[Fetched[User[U8]]], count: U64, flags: Keep[U32]
    ) -> OrErrno[I64]:
        """Write parts of the program's memory to the pipe `number`, or read into them, whichever it
        is open for."""
        count = keep(count)
        segments, result = local(UserSegments), local(I64)
        fail_if(flags & ~KNOWN, Errno.EINVAL)
        file = keep(try_(self.numbers.get(number), Errno.EBADF))
        mov(result, self.vectors.take(address_of(segments), list, u32(count)))
        with if_(result == 0):
            with if_(segments.vector.left != 0):
                mov(result, self._move_memory(file, address_of(segments.vector), flags))
            self.heap.free(segments.allocated)
        self.files.drop(file)
        ret(result)

    @function(context="thread", sleeps=True)
    def _move_memory(
        self, file: Keep[Ptr[File]], vector: Keep[Ptr[IoVector]], flags: U32
    ) -> OrErrno[I64]:
        """Do what `vmsplice` does for its file."""
        waits = keep(flags)
        shr(waits, int(SpliceFlag.NONBLOCK).bit_length() - 1)
        not_(waits)
        and_(waits, 1)
        with if_(file.flags & OpenFlag.NONBLOCK):
            xor(waits, waits)
        pipe = try_(self.pipes.find(file), Errno.EBADF)
        with if_(file.access & Access.WRITE):
            tail(self.pipes.put, pipe, vector, waits)
        fail_if((file.access & Access.READ) == 0, Errno.EBADF)
        tail(self.pipes.get, pipe, vector, waits)
