"""What `ioctl` tells of Unix sockets."""

from __future__ import annotations

from kernel.errno import Errno
from kernel.net.socket import Socket, SocketRequest, SocketType
from kernel.net.socketbuffer import SocketBuffer
from kernel.net.unixsocket import UnixSocket, UnixState
from pykasm import *


class UnixRequests(Subsystem):
    """Answers them. Context: thread."""

    @function
    def control(self, socket: Ptr[Socket], request: U32) -> OrErrno[I64]:
        """Return what a `SocketRequest` asks for, as `AskSocket` says; -ENOTTY for others."""
        with switch(request):
            with case(SocketRequest.IS_LISTENING):
                xor(eax, eax)
                listener = scratch(cast(socket, Ptr[UnixSocket]))
                with if_(listener.state == UnixState.LISTENING):
                    inc(eax)
                ret(rax)
            with case(SocketRequest.OUTGOING):
                ret(i64(socket.sent))
            with case(SocketRequest.INCOMING):
                tail(self._count_incoming, cast(socket, Ptr[UnixSocket]))
        ret(-Errno.ENOTTY)

    @function
    def _count_incoming(self, socket: Ptr[UnixSocket]) -> OrErrno[I64]:
        """Return how many bytes can be received: of a socket of type DATAGRAM, by one call."""
        socket, count = scratch(socket), scratch(U64)
        fail_if(socket.state == UnixState.LISTENING, Errno.EINVAL)
        with socket.lock.held():
            mov(count, socket.received_bytes)
            with if_((socket.type == SocketType.DATAGRAM) & (count != 0)):
                first = container_of(scratch(socket.received.next), SocketBuffer, "link")
                mov(count, first.length)
        ret(i64(count))
