"""Ends of connections within the machine (unix(7))."""

from __future__ import annotations

from enum import IntEnum

from kernel.fs.path import Path
from kernel.locks.spinlock import SpinLock
from kernel.net.socket import Socket, SocketDirection
from kernel.net.unixaddress import UnixAddress
from kernel.structures.list import ListHead
from kernel.structures.tree import TreeNode
from kernel.sync.mutex import Mutex
from pykasm import *


class UnixState(IntEnum):
    """What has become of it."""

    UNCONNECTED = 0
    LISTENING = 1
    CONNECTED = 2


class FlightMark(IntEnum):
    """What `UnixGarbage` knows of a socket."""

    NONE = 0
    CANDIDATE = 1
    """No reference to its file is known but those on their way."""
    REACHABLE = 2


class UnixSocket(Socket):
    """A socket of this machine alone; Linux's `struct unix_sock`. No thread holds the locks of
    two, but for those of what listens and of what waits there."""

    lock: SpinLock
    state: U32 = field(UnixState, guarded_by="lock", unlocked_reads=True)
    ended: U32 = field(SocketDirection, guarded_by="lock", unlocked_reads=True)
    """What was shut down, by this end or the other."""
    is_closed: U32 = field(guarded_by="lock")
    """1 once nobody has its file."""
    received: ListHead = field(guarded_by="lock", elements="SocketBuffer.link")
    """What has come, the oldest in front."""
    received_count: U32 = field(guarded_by="lock", unlocked_reads=True)
    received_bytes: U64 = field(guarded_by="lock", unlocked_reads=True)
    peer: OrNull[Owned[Ptr[UnixSocket]]] = field(guarded_by="lock", unlocked_reads=True)
    """The other end. That of a connection stays until this one is closed."""
    reading: Mutex
    """Held by who receives: nobody else takes away what has come."""

    # Its name

    binding: Mutex
    """Held by who gives it a name, or connects it."""
    name: OrNull[Owned[Ptr[UnixAddress]]]
    """Once it has one, that stays. What was accepted has the name of what has listened."""
    path: Path
    """Where in a file system that leads to it."""
    is_found: U32 = field(guarded_by="UnixNames.lock")
    """1 while it is found by an abstract name."""
    node: TreeNode = field(guarded_by="UnixNames.lock")
    """In `UnixNames.abstract` then."""

    # Connections to it that nobody has accepted

    waiting: ListHead = field(guarded_by="lock", elements="UnixSocket.wait")
    """Their ends here. All zero as long as it has never listened."""
    waiting_count: U32 = field(guarded_by="lock", unlocked_reads=True)
    wait: ListHead
    """In `waiting` of what has listened."""
    backlog: U32 = field(guarded_by="lock", unlocked_reads=True)
    """How many may wait, less 1. To a socket of type DATAGRAM so many messages may be on their way,
    less 1, from others than the one that it is connected to."""

    # Those of type DATAGRAM that are connected to it

    clients: ListHead = field(guarded_by="lock", elements="UnixSocket.client")
    """All zero as long as there never was one."""
    client: ListHead
    """In `clients` of the socket that it is connected to."""

    # Its file on its way

    flights: U64 = field(guarded_by="InFlight.lock")
    """How often its file is on its way to another socket."""
    flight: ListHead = field(guarded_by="InFlight.lock")
    """In `InFlight.sockets`, unless that is 0."""
    mark: U32 = field(FlightMark, guarded_by="InFlight.lock")
    outside: U64 = field(guarded_by="InFlight.lock")
    """How many of these ways don't lead to candidates."""
    next_marked: OrNull[Ptr[UnixSocket]] = field(guarded_by="InFlight.lock")
    """In `UnixGarbage.marked`."""
