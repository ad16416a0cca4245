"""What all types of Unix sockets do to send."""

from __future__ import annotations

from kernel.errno import Errno
from kernel.net.inflight import InFlight
from kernel.net.passedfiles import PassedFiles
from kernel.net.socket import Socket, SocketDirection
from kernel.net.socketbuffer import SocketBuffer
from kernel.net.socketbuffers import SocketBuffers
from kernel.net.socketidentities import SocketIdentities
from kernel.net.socketmessage import SocketMessage
from kernel.net.socketwaits import SocketWaits
from kernel.net.unixsocket import UnixSocket
from kernel.sync.pollqueues import PollQueues
from pykasm import *


class UnixSending(Subsystem):
    """Makes buffers of messages, once there is room for them. Context: thread."""

    def __init__(
        self,
        buffers: SocketBuffers,
        in_flight: InFlight,
        identities: SocketIdentities,
        waits: SocketWaits,
        queues: PollQueues,
    ) -> None:
        self.buffers = buffers
        self.in_flight = in_flight
        self.identities = identities
        self.waits = waits
        self.queues = queues

    @function(context="thread", sleeps=True)
    def make(
        self, sender: Keep[Ptr[UnixSocket]], message: Keep[Ptr[SocketMessage]], length: Keep[U64]
    ) -> tuple[OrErrno[I64], Owned[OrNull[Ptr[SocketBuffer]]]]:
        """Wait until `sender` has room, and return 0 and a buffer with the next `length` bytes of
        `message`; or null and -EPIPE once it sends nothing any more, what `SocketWaits.wait`
        returns, -EFAULT or -ENOMEM."""
        waited = self._wait_for_room(sender, message)
        with if_(waited != 0):
            ret(waited, 0)
        made, buffer = self.buffers.create(cast(u64(sender), Ptr[Socket]), message.vector, length)
        with if_(buffer == 0):
            movsxd(rax, made)
            ret(rax, 0)
        ignore(made, "there is a buffer")
        buffer = keep(buffer)
        buffer.identity.copy_from(message.identity)
        with if_(message.passed != 0):
            passed = keep(self._pass_files(message, buffer))
            with if_(passed != 0):
                self.buffers.free(buffer)
                ret(passed, 0)
        ret(0, buffer)

    @function(context="thread", sleeps=True)
    def _pass_files(
        self, message: Keep[Ptr[SocketMessage]], buffer: Keep[Ptr[SocketBuffer]]
    ) -> OrErrno[I64]:
        """Have the files of `message`, which there are, come with `buffer`. Returns 0,
        -ETOOMANYREFS or -ENOMEM."""
        passed = scratch(message.passed)
        asserts(passed != 0)  # callers have looked
        try_(self.in_flight.begin(passed))
        xor(eax, eax)
        xchg(message.passed, rax)
        mov(buffer.passed, cast(rax, OrNull[Ptr[PassedFiles]]))
        ret(0)

    @function(context="thread", sleeps=True)
    def identify(self, message: Ptr[SocketMessage]) -> None:
        """Note in `message` who sends it, unless the program has said so."""
        with if_(message.has_identity == 0):
            mov(message.has_identity, 1)
            tail(self.identities.take_real, address_of(message.identity))

    @function(context="thread", sleeps=True)
    def _wait_for_room(
        self, sender: Keep[Ptr[UnixSocket]], message: Keep[Ptr[SocketMessage]]
    ) -> OrErrno[I64]:
        """Wait until `sender` has room. Returns 0 or what `make` does."""
        noted = keep(U64)
        with loop():
            mov(noted, self.queues.note(sender.queue))
            fail_if(sender.ended & SocketDirection.SENDING, Errno.EPIPE)
            mov(eax, sender.send_buffer)
            with if_(rax > sender.sent):
                ret(0)
            try_(self.waits.wait(address_of(sender.queue), noted, message))
