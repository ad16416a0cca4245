"""Streams of bytes between Unix sockets."""

from __future__ import annotations

from kernel.errno import Errno
from kernel.net.socket import Socket, SocketDirection, SocketFlag
from kernel.net.socketbuffer import SocketBuffer
from kernel.net.socketbuffers import SocketBuffers
from kernel.net.socketmessage import SocketMessage, SocketMessageFlag
from kernel.net.socketwaits import SocketWaits
from kernel.net.unixqueues import UnixQueues
from kernel.net.unixreceiving import UnixReceiving
from kernel.net.unixsending import UnixSending
from kernel.net.unixsocket import UnixSocket, UnixState
from kernel.signals.ownsignals import OwnSignals
from kernel.signals.signalnumber import Signal
from kernel.sync.mutex import Mutexes
from kernel.sync.pollqueues import PollQueues
from pykasm import *

MOST_IN_PIECE = 32_768
"""Bytes of a stream that are received together, at most, if they were sent together."""


class StreamRead(Struct):
    """How far a call has come that receives from a stream."""

    message: Ptr[SocketMessage]
    copied: U64
    target: U64
    """For how many bytes it waits."""
    previous: OrNull[Ptr[SocketBuffer]]
    """The last buffer that stays though it was received."""
    is_over: U32
    """1 if nothing more goes together with what it has got."""


class UnixStreams(Subsystem):
    """What is done with sockets of type STREAM. Context: thread."""

    def __init__(
        self,
        buffers: SocketBuffers,
        received: UnixQueues,
        receiving: UnixReceiving,
        sending: UnixSending,
        waits: SocketWaits,
        queues: PollQueues,
        mutexes: Mutexes,
        own_signals: OwnSignals,
    ) -> None:
        self.buffers = buffers
        self.received = received
        self.receiving = receiving
        self.sending = sending
        self.waits = waits
        self.queues = queues
        self.mutexes = mutexes
        self.own_signals = own_signals

    # Sending

    @function(context="thread", sleeps=True)
    def send(self, socket: Keep[Ptr[Socket]], message: Keep[Ptr[SocketMessage]]) -> OrErrno[I64]:
        """Send bytes, as `SendMessage` says: returns how many, if some were sent. Where nobody
        receives them, the thread gets SIGPIPE."""
        total, result = keep(I64), keep(I64)
        xor(u32(total), u32(total))
        mov(result, self._check(cast(socket, Ptr[UnixSocket]), message))
        self.sending.identify(message)
        with while_(result >= 0):
            add(total, result)
            vector = scratch(message.vector)
            # Also with nothing to send at all: the checks were made
            with if_(vector.left == 0):
                ret(total)
            release(vector)
            mov(result, self._send_piece(cast(socket, Ptr[UnixSocket]), message))
        with if_(total != 0):
            ret(total)
        # What was sent counts: the next call is told of the error
        with if_((result == -Errno.EPIPE) & ((message.flags & SocketMessageFlag.NO_SIGNAL) == 0)):
            self.own_signals.send(Signal.SIGPIPE)
        ret(result)

    @function
    def _check(self, sender: Ptr[UnixSocket], message: Ptr[SocketMessage]) -> OrErrno[I64]:
        """Return 0 if `sender` can send `message`, or an error."""
        fail_if(message.flags & SocketMessageFlag.OUT_OF_BAND, Errno.EOPNOTSUPP)
        with if_(message.name.length != 0):
            # A stream has one other end: an address says nothing
            fail_if(sender.state == UnixState.CONNECTED, Errno.EISCONN)
            fail(Errno.EOPNOTSUPP)
        fail_if(sender.state != UnixState.CONNECTED, Errno.ENOTCONN)
        fail_if(sender.ended & SocketDirection.SENDING, Errno.EPIPE)
        ret(0)

    @function(context="thread", sleeps=True)
    def _send_piece(
        self, sender: Keep[Ptr[UnixSocket]], message: Keep[Ptr[SocketMessage]]
    ) -> OrErrno[I64]:
        """Send as many bytes as are received together. Returns how many, or an error."""
        vector = scratch(message.vector)
        length = keep(vector.left)
        # A receiver begins while the rest is still being copied, and memory is taken bit by bit
        with if_(length > MOST_IN_PIECE):
            mov(length, MOST_IN_PIECE)
        failed, buffer = self.sending.make(sender, message, length)
        with if_(buffer == 0):
            ret(failed)
        ignore(failed, "there is a buffer")
        peer = scratch(sender.peer)
        asserts(peer != 0)  # it is connected until its file is closed
        try_(self.received.deliver(peer, buffer))
        ret(i64(length))

    # Receiving

    @function(context="thread", sleeps=True)
    def receive(self, socket: Keep[Ptr[Socket]], message: Keep[Ptr[SocketMessage]]) -> OrErrno[I64]:
        """Receive bytes, as `ReceiveMessage` says; 0 at the end of the stream."""
        read, result, noted = local(StreamRead), keep(I64), keep(U64)
        fail_if(message.flags & SocketMessageFlag.OUT_OF_BAND, Errno.EOPNOTSUPP)
        receiver = keep(cast(socket, Ptr[UnixSocket]))
        fail_if(receiver.state != UnixState.CONNECTED, Errno.EINVAL)
        self._begin(address_of(read), receiver, message)
        with loop():
            mov(noted, self.queues.note(receiver.queue))
            # Before the look, so that what comes after it ends the wait at once
            # One reader at a time, or two would get the same bytes
            with self.mutexes.held(receiver.reading):
                mov(result, self._read(receiver, address_of(read)))
            break_if((result != 0) | (read.is_over != 0))
            mov(rax, read.copied)
            # A part is enough for `read`; all is waited for with WAIT_ALL alone
            break_if(rax >= read.target)
            mov(result, self._wait(receiver, address_of(read), noted))
            break_if((result != 0) | (read.is_over != 0))
        with if_(read.copied != 0):
            ret(i64(read.copied))
        ret(result)

    @function
    def _begin(
        self, read: Ptr[StreamRead], receiver: Ptr[UnixSocket], message: Ptr[SocketMessage]
    ) -> None:
        """Fill in a `read` that has got nothing yet. Without room it waits for something, too."""
        mov(read.message, message)
        xor(eax, eax)
        mov(read.copied, rax)
        mov(read.previous, cast(rax, OrNull[Ptr[SocketBuffer]]))
        mov(read.is_over, eax)
        vector = scratch(message.vector)
        mov(rax, vector.left)
        # SO_RCVLOWAT: fewer bytes than that wake nobody
        mov(ecx, receiver.low_water)
        with if_(((message.flags & SocketMessageFlag.WAIT_ALL) == 0) & (rax > rcx)):
            mov(rax, rcx)
        with if_(rax == 0):
            inc(rax)
        mov(read.target, rax)

    @function(context="thread", sleeps=True, holds="receiver.reading")
    def _read(self, receiver: Keep[Ptr[UnixSocket]], read: Keep[Ptr[StreamRead]]) -> OrErrno[I64]:
        """Receive what has come, as far as it goes together. Returns 0, or -EFAULT if that is why
        there is nothing."""
        buffer, length, message = keep(OrNull[Ptr[SocketBuffer]]), keep(U64), keep(read.message)
        with loop():
            mov(buffer, self.received.next(receiver, read.previous))
            break_if(buffer == 0)
            # Who is told the sender gets bytes of one alone
            with (
                if_(receiver.flags & SocketFlag.PASS_CREDENTIALS),
                if_(~self._goes_with(message, buffer)),
            ):
                mov(read.is_over, 1)
                break_()
            vector = scratch(message.vector)
            mov(length, buffer.length)
            with if_(length > vector.left):
                mov(length, vector.left)
            with if_(self.buffers.copy(buffer, vector, 0, length) != 0):
                # What was copied before it counts
                mov(read.is_over, 1)
                fail_if(read.copied == 0, Errno.EFAULT)
                break_()
            add(read.copied, length)
            try_(self._take(receiver, read, buffer, length))
            break_if(read.is_over != 0)
        with if_((message.flags & SocketMessageFlag.PEEK) & (read.copied != 0)):
            mov(read.is_over, 1)
        ret(0)

    @function
    def _goes_with(self, message: Ptr[SocketMessage], buffer: Ptr[SocketBuffer]) -> Bool:
        """Return whether `buffer` has the same sender as what `message` has already."""
        with if_(message.has_identity == 0):
            mov(message.has_identity, 1)
            message.identity.copy_from(buffer.identity)
        ret(message.identity.is_same(buffer.identity))

    @function(context="thread", sleeps=True, holds="receiver.reading")
    def _take(
        self,
        receiver: Keep[Ptr[UnixSocket]],
        read: Keep[Ptr[StreamRead]],
        buffer: Keep[Ptr[SocketBuffer]],
        length: Keep[U64],
    ) -> OrErrno[I64]:
        """Take `length` bytes of `buffer` away, which were received, unless they are to stay, and
        the files that come with it. Returns 0 or -ENOMEM."""
        message = keep(read.message)
        self.receiving.tell_sender(message, buffer)
        with if_(buffer.passed != 0):
            # Files come with the bytes that they were sent with: bytes behind those are for another
            # call
            mov(read.is_over, 1)
            try_(self.receiving.take_files(receiver, message, buffer))
        vector = scratch(message.vector)
        with if_(vector.left == 0):
            mov(read.is_over, 1)
        with if_(message.flags & SocketMessageFlag.PEEK):
            # It stays, so the next look begins behind it
            mov(read.previous, buffer)
            ret(0)
        with if_(length == buffer.length):
            self.buffers.free(self.received.remove(receiver, buffer))
            ret(0)
        self.received.note_taken(receiver, length)
        self.buffers.consume(buffer, length)
        ret(0)

    @function(context="thread", sleeps=True)
    def _wait(self, receiver: Ptr[UnixSocket], read: Ptr[StreamRead], noted: U64) -> OrErrno[I64]:
        """Wait for something to come. Returns 0, the error of the socket, or what
        `SocketWaits.wait` does; `is_over` is set if nothing will come."""
        receiver, read, noted = scratch(receiver), scratch(read), scratch(noted)
        xor(eax, eax)
        with receiver.lock.held():
            with if_(receiver.received_count == 0):
                # Under the lock, under which a sender delivers and then ends: its last bytes are
                # never missed
                xchg(receiver.error, eax)
                with if_((eax == 0) & (receiver.ended & SocketDirection.RECEIVING)):
                    mov(read.is_over, 1)
            mov(ecx, receiver.received_count)
        with if_((ecx != 0) | (read.is_over != 0)):
            ret(0)
        with if_(eax != 0):
            # It is kept as a positive number, as SO_ERROR shows it
            neg(eax)
            movsxd(rax, eax)
            ret(rax)
        tail(self.waits.wait, address_of(receiver.queue), noted, read.message)
