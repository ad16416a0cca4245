"""What has come to Unix sockets."""

from __future__ import annotations

from kernel.errno import Errno
from kernel.net.socket import SocketDirection
from kernel.net.socketbuffer import SocketBuffer
from kernel.net.socketbuffers import SocketBuffers
from kernel.net.unixsocket import UnixSocket
from kernel.sync.pollqueue import READABLE
from kernel.sync.pollqueues import PollQueues
from pykasm import *


class UnixQueues(Subsystem):
    """Puts buffers into the queues of who receives them, and takes them out. Context: thread."""

    def __init__(self, buffers: SocketBuffers, queues: PollQueues) -> None:
        self.buffers = buffers
        self.queues = queues

    @function(context="thread")
    def deliver(
        self, receiver: Keep[Ptr[UnixSocket]], buffer: Keep[Owned[Ptr[SocketBuffer]]]
    ) -> OrErrno[I64]:
        """Give `buffer` to `receiver`. Returns 0; or -EPIPE if that receives nothing any more, and
        the buffer is freed."""
        with if_(~self._append(receiver, buffer)):
            self.buffers.free(buffer)
            fail(Errno.EPIPE)
        disown(buffer, "the queue has it")
        self.queues.announce(address_of(receiver.queue), READABLE)
        ret(0)

    @function
    def _append(self, receiver: Ptr[UnixSocket], buffer: Ptr[SocketBuffer]) -> Bool:
        """Put `buffer` last into the queue, unless `receiver` receives nothing any more. Returns
        whether it is there."""
        done, link = scratch(Bool), scratch(address_of(buffer.link))
        xor(done, done)
        with receiver.lock.held():
            mov(eax, receiver.ended)
            and_(eax, SocketDirection.RECEIVING)
            or_(eax, receiver.is_closed)
            with if_(eax == 0):
                receiver.received.append(link)
                inc(receiver.received_count)
                mov(rax, buffer.length)
                add(receiver.received_bytes, rax)
                inc(done)
        ret(done)

    @function
    def next(
        self, receiver: Ptr[UnixSocket], previous: OrNull[Ptr[SocketBuffer]]
    ) -> OrNull[Ptr[SocketBuffer]]:
        """Return the buffer that has come after `previous`, the oldest one if that is null; null if
        there is none. Context: `reading` is held."""
        found = scratch(OrNull[Ptr[SocketBuffer]])
        with receiver.lock.held():
            lea(rcx, receiver.received)
            mov(rax, rcx)
            with if_(previous != 0):
                lea(rax, previous.link)
            link = scratch(cast(rax, Ptr[SocketBuffer]).link.next)
            xor(u32(found), u32(found))
            with if_(u64(link) != rcx):
                mov(u64(found), container_of(link, SocketBuffer, "link"))
        ret(found)

    @function
    def note_taken(self, receiver: Ptr[UnixSocket], length: U64) -> None:
        """Note that so many bytes were received of a buffer that stays."""
        with receiver.lock.held():
            sub(receiver.received_bytes, length)

    @function
    def remove(
        self, receiver: Ptr[UnixSocket], buffer: Ptr[SocketBuffer]
    ) -> Owned[Ptr[SocketBuffer]]:
        """Take `buffer` out of the queue. Context: `reading` is held, or nobody reads any more."""
        with receiver.lock.held():
            buffer.link.unlink()
            dec(receiver.received_count)
            mov(rax, buffer.length)
            sub(receiver.received_bytes, rax)
        take_over(buffer, "the queue had it")
        ret(buffer)

    @function(context="thread")
    def clear(self, receiver: Keep[Ptr[UnixSocket]]) -> U32:
        """Free all that has come. Returns whether there was something, not 0. Context: nobody reads
        any more."""
        was_full, buffer = keep(U32), keep(OrNull[Ptr[SocketBuffer]])
        xor(was_full, was_full)
        with loop():
            mov(buffer, self.next(receiver, 0))
            with if_(buffer == 0):
                ret(was_full)
            removed = self.remove(receiver, buffer)
            self.buffers.free(removed)
            mov(was_full, 1)
