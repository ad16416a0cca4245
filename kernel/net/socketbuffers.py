"""Memory for bytes on their way between sockets."""

from __future__ import annotations

from kernel.cpu.pagetable import PAGE
from kernel.debug.leakcheck import LeakChecks, leak_check
from kernel.errno import Errno
from kernel.fs.iovector import IoVector
from kernel.fs.iovectors import IoVectors
from kernel.mm.heap import Heap
from kernel.net.inflight import InFlight
from kernel.net.passedfiles import PassedFiles
from kernel.net.passedfilestore import PassedFileStore
from kernel.net.socket import Socket
from kernel.net.socketbuffer import BufferChunk, SocketBuffer
from kernel.net.socketreferences import SocketReferences
from kernel.sync.pollqueue import WRITABLE
from kernel.sync.pollqueues import PollQueues
from pykasm import *

SMALL = 2048
"""Bytes of memory for a buffer, with its first chunk, at most: what the heap has objects for."""

MOST_IN_FIRST = SMALL - int(sizeof(SocketBuffer)) - int(sizeof(BufferChunk))
MOST_IN_CHUNK = PAGE - int(sizeof(BufferChunk))

WRITABLE_SHIFT = 2
"""A socket can be written to while it has used up no more than a quarter of its room
(sock_writeable(9); net/unix/af_unix.c)."""


class SocketBuffers(LeakChecks):
    """Makes, reads and frees them. A buffer counts against the room of its sender until it is
    freed. Context: thread."""

    count = bss(U64)

    def __init__(
        self,
        heap: Heap,
        vectors: IoVectors,
        queues: PollQueues,
        references: SocketReferences,
        in_flight: InFlight,
        passed: PassedFileStore,
    ) -> None:
        self.heap = heap
        self.vectors = vectors
        self.queues = queues
        self.references = references
        self.in_flight = in_flight
        self.passed = passed
        self.leak_checks = [leak_check("socket buffers", self.used_count)]

    @function
    def used_count(self) -> U64:
        """Return how many there are."""
        ret(self.count)

    # Making

    @function(context="thread", sleeps=True)
    def create(
        self, sender: Keep[Ptr[Socket]], vector: Keep[Ptr[IoVector]], length: Keep[U64]
    ) -> tuple[OrErrno[I32], Owned[OrNull[Ptr[SocketBuffer]]]]:
        """Return 0 and a buffer with the next `length` bytes of `vector`, which there are; or
        -EFAULT or -ENOMEM, and null."""
        buffer = keep(self._allocate(length))
        with if_(buffer == 0):
            ret(-Errno.ENOMEM, 0)
        # It is told when its bytes are taken, perhaps after it was closed
        sender.references.gain()
        mov(buffer.sender, sender)
        # What it takes, and not what is in it: small messages cost more than their bytes
        mov(rax, buffer.size)
        lock.add(sender.sent, rax)
        filled = keep(self._fill(buffer, vector, length))
        with if_(filled != 0):
            self.free(buffer)
            ret(filled, 0)
        ret(0, buffer)

    @function
    def _allocate(self, length: U64) -> Owned[OrNull[Ptr[SocketBuffer]]]:
        """Return a buffer with one chunk, for `length` bytes as far as these go into it; or
        null."""
        size = keep(length)
        with if_(size > MOST_IN_FIRST):
            mov(size, MOST_IN_FIRST)
        add(size, SMALL - MOST_IN_FIRST)
        buffer = scratch(cast(try_(self.heap.allocate(size)), Ptr[SocketBuffer]))
        mov(buffer.size, size)
        mov(buffer.length, 0)
        mov(buffer.passed, 0)
        lea(rax, bare[u64(buffer) + sizeof(SocketBuffer)])
        mov(buffer.first, cast(rax, Ptr[BufferChunk]))
        chunk = scratch(cast(rax, Ptr[BufferChunk]))
        self._start(chunk)
        lock.inc(self.count)
        ret(buffer)

    @inline
    def _start(self, chunk: Ptr[BufferChunk]) -> None:
        """Make `chunk` an empty one."""
        mov(chunk.next, 0)
        mov(chunk.start, 0)
        mov(chunk.end, 0)

    @function(context="thread", sleeps=True)
    def _fill(
        self, buffer: Keep[Ptr[SocketBuffer]], vector: Keep[Ptr[IoVector]], length: Keep[U64]
    ) -> OrErrno[I32]:
        """Copy `length` bytes of `vector` to `buffer`. Returns 0, -EFAULT or -ENOMEM."""
        chunk, most = keep(buffer.first), keep(U64)
        mov(most, MOST_IN_FIRST)
        with while_(length != 0):
            with if_(most > length):
                mov(most, length)
            asserts(chunk != 0)
            place = scratch(address_of(chunk.bytes))
            copied = self.vectors.copy_from(vector, u64(place), most)
            fail_if(copied != most, Errno.EFAULT)
            mov(chunk.end, most)
            add(buffer.length, most)
            sub(length, most)
            with if_(length != 0):
                mov(chunk, try_(self._add_chunk(buffer, chunk), Errno.ENOMEM))
                mov(most, MOST_IN_CHUNK)
        ret(0)

    @function
    def _add_chunk(
        self, buffer: Keep[Ptr[SocketBuffer]], last: Keep[Ptr[BufferChunk]]
    ) -> OrNull[Ptr[BufferChunk]]:
        """Add a chunk after the `last` one. Returns it, or null."""
        page = scratch(try_(self.heap.allocate(PAGE)))
        chunk = scratch(cast(page, Ptr[BufferChunk]))
        self._start(chunk)
        mov(last.next, chunk)
        disown(page, "the buffer has it")
        add(buffer.size, PAGE)
        sender = scratch(buffer.sender)
        lock.add(sender.sent, PAGE)
        ret(chunk)

    # Reading

    @function(context="thread", sleeps=True)
    def copy(
        self,
        buffer: Ptr[SocketBuffer],
        vector: Keep[Ptr[IoVector]],
        skipped: Keep[U64],
        length: Keep[U64],
    ) -> OrErrno[I32]:
        """Copy `length` bytes of `buffer` to `vector`, which has room for them, but for the first
        ones that are `skipped`. Returns 0 or -EFAULT."""
        chunk, part = keep(buffer.first), keep(U64)
        with while_(length != 0):
            asserts(chunk != 0)  # there are as many bytes
            mov(part, chunk.end)
            sub(part, chunk.start)
            with if_(skipped >= part):
                sub(skipped, part)
                mov(chunk, chunk.next)
                continue_()
            sub(part, skipped)
            with if_(part > length):
                mov(part, length)
            mov(rax, chunk.start)
            add(rax, skipped)
            lea(rax, chunk.bytes[rax])
            copied = self.vectors.copy_to(vector, rax, part)
            fail_if(copied != part, Errno.EFAULT)
            sub(length, part)
            xor(u32(skipped), u32(skipped))
            mov(chunk, chunk.next)
        ret(0)

    @function
    def consume(self, buffer: Keep[Ptr[SocketBuffer]], length: Keep[U64]) -> None:
        """Take the first `length` bytes away, which were received."""
        sub(buffer.length, length)
        with while_(length != 0):
            chunk, part = scratch(buffer.first), scratch(U64)
            asserts(chunk != 0)  # there are as many bytes
            mov(part, chunk.end)
            sub(part, chunk.start)
            with if_(length < part):
                add(chunk.start, length)
                ret()
            sub(length, part)
            # The last one stays, as a buffer has a chunk always
            with if_((length == 0) & (chunk.next == 0)):
                add(chunk.start, part)
                ret()
            self._free_first(buffer)

    # Freeing

    @function
    def _free_first(self, buffer: Keep[Ptr[SocketBuffer]]) -> None:
        """Free the first chunk of `buffer`, unless that lies in the same piece of memory."""
        chunk = scratch(buffer.first)
        asserts(chunk != 0)  # callers have looked
        mov(rax, chunk.next)
        mov(buffer.first, cast(rax, OrNull[Ptr[BufferChunk]]))
        lea(rax, bare[u64(buffer) + sizeof(SocketBuffer)])
        with if_(rax != u64(chunk)):
            place = scratch(u64(chunk))
            take_over(place, "the buffer had it")
            self.heap.free(place)

    @function(context="thread")
    def free(self, buffer: Keep[Owned[Ptr[SocketBuffer]]]) -> None:
        """Free `buffer`. Its sender has more room then, and files that came with it are closed."""
        with if_(buffer.passed != 0):
            self._close_files(buffer)
        with while_(buffer.first != 0):
            self._free_first(buffer)
        sender, size = keep(buffer.sender), keep(buffer.size)
        self.heap.free(u64(buffer))
        lock.dec(self.count)
        self._give_room(sender, size)
        self.references.drop(sender)

    @function(context="thread", sleeps=True)
    def _close_files(self, buffer: Ptr[SocketBuffer]) -> None:
        """Close the files that came with `buffer`, which there are."""
        passed = keep(OrNull[Ptr[PassedFiles]])
        xor(u32(passed), u32(passed))
        xchg(buffer.passed, passed)
        with if_(passed != 0):
            self.in_flight.end(passed)
            self.passed.discard(passed)

    @function(context="thread")
    def _give_room(self, sender: Ptr[Socket], size: U64) -> None:
        """Have `sender` send `size` bytes more. Who could write before is told nothing."""
        mov(rax, size)
        neg(rax)
        lock.xadd(sender.sent, rax)
        shl(rax, WRITABLE_SHIFT)
        mov(ecx, sender.send_buffer)
        with if_(rax > rcx):
            tail(self.queues.announce, address_of(sender.queue), WRITABLE)
