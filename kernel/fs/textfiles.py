"""Files whose text is made when it is read."""

from __future__ import annotations

from kernel.cpu.pagetable import PAGE
from kernel.errno import Errno
from kernel.fs.file import File
from kernel.fs.inode import Inode
from kernel.fs.iovector import IoVector
from kernel.fs.iovectors import IoVectors
from kernel.fs.textwriter import TextWriter
from kernel.mm.heap import Heap
from kernel.mm.slabs import SlabCache, Slabs
from kernel.sync.mutex import Mutex, Mutexes
from kernel.text.textbuffer import TextBuffer
from pykasm import *

TEXT_ROOM = 256
"""Bytes that the longest text has which can be written, with its end."""


class ShowText(Fn[[Ptr[Inode]], OrErrno[I32]], context="thread"):
    """Write the text of a file by `TextWriter`. It may be called again if there was too little
    room. Returns 0 or an error."""


class StoreText(Fn[[Ptr[Inode], Ptr[U8]], OrErrno[I32]], context="thread"):
    """Take a text that was written to a file, with a zero at its end. Returns 0 or an error."""


class TextFile(Struct):
    """What an open file has of its text."""

    lock: Mutex
    buffer: TextBuffer
    show: ShowText


class TextFiles(Subsystem):
    """Makes the whole text when reading begins at its start, and keeps it until that happens again:
    who reads piece by piece sees one state of what the text tells. Context: thread."""

    def __init__(
        self,
        slabs: Slabs,
        heap: Heap,
        mutexes: Mutexes,
        vectors: IoVectors,
        writer: TextWriter,
    ) -> None:
        self.heap = heap
        self.mutexes = mutexes
        self.vectors = vectors
        self.writer = writer
        self.records = SlabCache(slabs, "text file", TextFile)

    @function(context="thread")
    def open(self, file: Keep[Ptr[File]], show: Keep[ShowText]) -> OrErrno[I32]:
        """Prepare `file`, whose text `show` writes. Returns 0 or -ENOMEM."""
        record = scratch(try_(self.records.allocate_zeroed(), Errno.ENOMEM))
        mov(record.show, show)
        mov(file.private, u64(record))
        disown(record, "the file has it")
        ret(0)

    @function(context="thread")
    def release(self, file: Ptr[File]) -> None:
        """Free what `open` has made."""
        record = keep(cast(file.private, Ptr[TextFile]))
        take_over(record, "the file had it")
        self.heap.free(record.buffer.start)
        self.records.free(record)

    @function(context="thread", sleeps=True)
    def read(
        self, file: Keep[Ptr[File]], vector: Keep[Ptr[IoVector]], position: Keep[Ptr[U64]]
    ) -> OrErrno[I64]:
        """Read as `ReadFile` says. Returns -EFAULT if not a single byte could be copied, or why
        there is no text."""
        record, result = keep(cast(file.private, Ptr[TextFile])), keep(I64)
        with self.mutexes.held(record.lock):
            mov(result, 0)
            with if_((at(position) == 0) | (record.buffer.length == 0)):
                movsxd(result, self._make(record, file.inode))
            with if_(result == 0):
                mov(result, self._copy(address_of(record.buffer), vector, at(position)))
        with if_(result > 0):
            add(at(position), u64(result))
        ret(result)

    @function(context="thread", sleeps=True)
    def write(
        self, file: Keep[Ptr[File]], vector: Ptr[IoVector], position: Ptr[U64], store: StoreText
    ) -> OrErrno[I64]:
        """Write as `WriteFile` says, by `store`, which gets all of it at once. Returns -EINVAL if
        it is too long, -EFAULT, or what is wrong with it."""
        copy, size, wanted = local(U8 * TEXT_ROOM), keep(vector.left), keep(store)
        place = keep(position)
        fail_if(size >= TEXT_ROOM, Errno.EINVAL)
        lea(rax, copy)
        fail_if(self.vectors.copy_from(vector, rax, size) != size, Errno.EFAULT)
        mov(copy[size], 0)
        result = wanted(file.inode, address_of(copy))
        with if_(result != 0):
            movsxd(rax, result)
            ret(rax)
        add(at(place), size)
        ret(i64(size))

    @function(context="thread", sleeps=True)
    def _copy(self, buffer: Ptr[TextBuffer], vector: Ptr[IoVector], position: U64) -> OrErrno[I64]:
        """Copy what there is from `position` on, as far as the vector has room. Returns how much;
        -EFAULT instead of nothing."""
        left, start = scratch(buffer.length), scratch(buffer.start)
        sub(left, position)
        with if_(CF | (left == 0)):
            ret(0)
        with if_(left > vector.left):
            mov(left, vector.left)
        with if_(left == 0):
            ret(0)
        add(start, position)
        copied = self.vectors.copy_to(vector, start, left)
        fail_if(copied == 0, Errno.EFAULT)
        ret(i64(copied))

    @function(context="thread", sleeps=True)
    def _make(self, record: Keep[Ptr[TextFile]], inode: Keep[Ptr[Inode]]) -> OrErrno[I32]:
        """Make the text, with more room as often as there was too little. Returns 0 or an error."""
        buffer, result = address_of(record.buffer), keep(I32)
        with loop():
            with self.writer.into(buffer):
                mov(result, record.show(inode))
            try_(result)
            length = scratch(record.buffer.length)
            break_if(length <= record.buffer.capacity)
            try_(self._make_room(buffer, length))
        ret(0)

    @function
    def _make_room(self, buffer: Keep[Ptr[TextBuffer]], length: Keep[U64]) -> OrErrno[I32]:
        """Exchange the room in `buffer` for one in which `length` bytes fit, and some that have
        come meanwhile. Returns 0 or -ENOMEM, without any room."""
        self.heap.free(buffer.start)
        mov(buffer.start, 0)
        mov(buffer.capacity, 0)
        shr(length, 3)
        add(length, buffer.length)
        or_(length, PAGE - 1)
        inc(length)
        room = scratch(try_(self.heap.allocate(length), Errno.ENOMEM))
        mov(buffer.start, room)
        mov(buffer.capacity, length)
        ret(0)
