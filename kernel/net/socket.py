"""Sockets of whatever family.

They and the table of what a protocol does with them refer to each other, so they stand together.
"""

from __future__ import annotations

from enum import IntEnum, IntFlag

from kernel.clock.units import Nanoseconds
from kernel.fs.file import File
from kernel.net.socketaddress import StoredAddress
from kernel.net.socketmessage import SocketIdentity, SocketMessage
from kernel.structures.refcount import ReferenceCount
from kernel.sync.pollqueue import PollQueue, Watcher
from pykasm import *

BUFFER_SIZE = 212_992
"""Bytes on their way that a socket may have (net.core.wmem_default)."""


class SocketType(IntEnum):
    """How bytes come (include/linux/net.h)."""

    STREAM = 1
    DATAGRAM = 2
    RAW = 3
    SEQUENCED = 5
    """Messages, in a connection."""


SOCKET_TYPES = 11
"""Numbers of types that Linux knows of (SOCK_MAX)."""


class SocketDirection(IntFlag):
    """Parts of a connection."""

    RECEIVING = 1
    SENDING = 2


BOTH_WAYS = SocketDirection.RECEIVING | SocketDirection.SENDING


class SocketRequest(IntEnum):
    """What `ioctl` tells of sockets (include/uapi/asm-generic/ioctls.h)."""

    OUTGOING = 0x5411
    """SIOCOUTQ: bytes of memory that are taken by what was sent and not received."""
    INCOMING = 0x541B
    """SIOCINQ, FIONREAD: bytes that can be received."""
    IS_LISTENING = 0
    """For the kernel's own use: 1 if others can connect to it, else 0."""


class SocketFlag(IntFlag):
    """What programs have set of it (socket(7))."""

    REUSE_ADDRESS = 1 << 0
    PASS_CREDENTIALS = 1 << 1
    """Who receives is told who has sent."""
    KEEP_ALIVE = 1 << 2
    BROADCAST = 1 << 3
    DONT_ROUTE = 1 << 4
    INLINE_OUT_OF_BAND = 1 << 5
    REUSE_PORT = 1 << 6
    TIMESTAMP = 1 << 7


class Socket(Struct):
    """An end of a connection: Linux's `struct socket` and `struct sock`. Families derive theirs
    from it."""

    references: ReferenceCount = field(freed_by="SocketReferences.free")
    """Its open file has one."""
    family: U32
    type: U32 = field(SocketType)
    protocol: U32
    operations: Ptr[SocketOperations]
    file: OrNull[Ptr[File]]
    """Its open file, which has a reference to it; null before there is one."""
    queue: PollQueue
    sent: U64
    """Bytes of memory that are taken by what it has sent and nobody has received yet."""
    send_buffer: U32
    """How many these may be."""
    receive_buffer: U32
    send_timeout: Nanoseconds
    """How long calls wait; all ones for ever."""
    receive_timeout: Nanoseconds
    low_water: U32
    """For how many bytes who receives waits (SO_RCVLOWAT)."""
    error: U32
    """An `Errno` that the next call tells, once; 0 for none."""
    flags: U32 = field(SocketFlag)
    peer_identity: SocketIdentity
    """Who has connected the other end, or has listened there."""
    linger: U64
    """What SO_LINGER was set to: whether, and for how many seconds."""


class ReleaseSocket(Fn[[Ptr[Socket]], Void], context="thread"):
    """End it: nobody has its file any more."""


class FreeSocket(Fn[[Owned[Ptr[Socket]]], Void], context="thread"):
    """Free it: nobody knows of it any more."""


class PairSockets(Fn[[Ptr[Socket], Ptr[Socket]], OrErrno[I64]], context="thread"):
    """Connect two new sockets with each other."""


class NameSocket(Fn[[Ptr[Socket], Ptr[StoredAddress]], OrErrno[I64]], context="thread"):
    """Give it an address, or tell one."""


class ConnectSocket(Fn[[Ptr[Socket], Ptr[SocketMessage]], OrErrno[I64]], context="thread"):
    """Connect it to the address of a message, by its flags and deadline."""


class ListenAtSocket(Fn[[Ptr[Socket], U32], OrErrno[I64]], context="thread"):
    """Have others connect to it, of which so many may wait."""


class AcceptSocket(
    Fn[[Ptr[Socket], Ptr[SocketMessage]], tuple[OrErrno[I64], Owned[OrNull[Ptr[Socket]]]]],
    context="thread",
):
    """Wait for somebody to connect to it, by flags and deadline. Returns 0 and the new socket, or
    an error and null."""


class SendMessage(Fn[[Ptr[Socket], Ptr[SocketMessage]], OrErrno[I64]], context="thread"):
    """Send a message. Returns how many bytes."""


class ReceiveMessage(Fn[[Ptr[Socket], Ptr[SocketMessage]], OrErrno[I64]], context="thread"):
    """Receive a message. Returns how many bytes."""


class ShutSocket(Fn[[Ptr[Socket], U32], OrErrno[I64]], context="thread"):
    """End one of its `SocketDirection`s, or both."""


class PollSocket(Fn[[Ptr[Socket], OrNull[Ptr[Watcher]]], U32], context="thread"):
    """Do what `PollFile` says."""


class AskSocket(Fn[[Ptr[Socket], U32], OrErrno[I64]], context="thread"):
    """Return what a request or an option asks for."""


class SocketOperations(Struct):
    """What a protocol does with its sockets."""

    release: ReleaseSocket
    free: FreeSocket
    pair: PairSockets
    bind: NameSocket
    connect: ConnectSocket
    listen: ListenAtSocket
    accept: AcceptSocket
    name: NameSocket
    peer_name: NameSocket
    send: SendMessage
    receive: ReceiveMessage
    shutdown: ShutSocket
    poll: PollSocket
    control: AskSocket
    """By a `SocketRequest`."""
