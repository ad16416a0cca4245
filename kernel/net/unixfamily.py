"""The family of sockets within the machine."""

from __future__ import annotations

from typing import Any

from kernel.errno import Errno
from kernel.net.socket import Socket, SocketOperations, SocketType
from kernel.net.socketaddress import AddressFamily
from kernel.net.socketdefaults import SocketDefaults
from kernel.net.socketfamily import SocketFamily
from kernel.net.unixconnections import UnixConnections
from kernel.net.unixmessages import UnixMessages
from kernel.net.unixnames import UnixNames
from kernel.net.unixrequests import UnixRequests
from kernel.net.unixsockets import UnixSockets
from kernel.net.unixstreams import UnixStreams
from pykasm import *


class UnixFamily(SocketFamily):
    """Makes Unix sockets of each type. Context: thread."""

    number = AddressFamily.UNIX

    def __init__(
        self,
        defaults: SocketDefaults,
        sockets: UnixSockets,
        names: UnixNames,
        connections: UnixConnections,
        streams: UnixStreams,
        messages: UnixMessages,
        requests: UnixRequests,
    ) -> None:
        self.sockets = sockets
        common: dict[str, Any] = {
            "release": sockets.release,
            "free": sockets.free,
            "pair": sockets.pair,
            "bind": names.bind,
            "name": names.tell,
            "peer_name": names.tell_peer,
            "shutdown": sockets.shutdown,
            "poll": sockets.poll,
            "control": requests.control,
        }
        connected = common | {
            "connect": connections.connect,
            "listen": connections.listen,
            "accept": connections.accept,
        }
        moves = {"send": messages.send, "receive": messages.receive}
        self.streams = rodata(
            SocketOperations,
            defaults.table(**connected, send=streams.send, receive=streams.receive),
        )
        self.datagrams = rodata(
            SocketOperations, defaults.table(**common, **moves, connect=messages.connect)
        )
        self.sequences = rodata(SocketOperations, defaults.table(**connected, **moves))

    @function(context="thread")
    def create(self, type: U32, protocol: U32) -> tuple[OrErrno[I64], Owned[OrNull[Ptr[Socket]]]]:
        """Make a socket, as `SocketFamily.create` says."""
        type, operations = scratch(type), scratch(address_of(self.streams))
        with if_((protocol != 0) & (protocol != AddressFamily.UNIX)):
            ret(-Errno.EPROTONOSUPPORT, 0)
        with if_(type == SocketType.RAW):
            mov(type, SocketType.DATAGRAM)
        with if_(type == SocketType.DATAGRAM):
            lea(operations, self.datagrams)
        with elif_(type == SocketType.SEQUENCED):
            lea(operations, self.sequences)
        with elif_(type != SocketType.STREAM):
            ret(-Errno.ESOCKTNOSUPPORT, 0)
        made = self.sockets.create(type, operations)
        with if_(made == 0):
            ret(-Errno.ENOMEM, 0)
        ret(0, cast(u64(made), Ptr[Socket]))
