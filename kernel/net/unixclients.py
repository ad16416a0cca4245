"""Unix sockets of type DATAGRAM, and those that are connected to them."""

from __future__ import annotations

from kernel.net.unixsocket import UnixSocket
from kernel.sync.pollqueue import WRITABLE
from kernel.sync.pollqueues import PollQueues
from pykasm import *


class UnixClients(Subsystem):
    """Has the clients of a socket told when it takes messages again. Context: thread."""

    def __init__(self, queues: PollQueues) -> None:
        self.queues = queues

    @function
    def add(self, client: Ptr[UnixSocket], target: Ptr[UnixSocket]) -> None:
        """Note that `client` is connected to `target`."""
        link = scratch(address_of(client.client))
        with target.lock.held():
            with if_(target.clients.next == 0):
                target.clients.reset()
            target.clients.append(link)

    @function
    def remove(self, client: Ptr[UnixSocket], target: Ptr[UnixSocket]) -> None:
        """Note that it is connected to `target` no more."""
        client, target = scratch(client), scratch(target)
        with target.lock.held(), if_(client.client.next != 0):
            client.client.unlink()
            mov(client.client.next, 0)

    @inline
    def is_full(self, target: Ptr[UnixSocket]) -> Condition:
        """Return whether so much waits at `target` that others wait to send it more."""
        waiting = scratch(target.received_count)
        release(waiting)
        # One more than the backlog, as for connections
        return waiting > target.backlog

    @function
    def is_ready(self, client: Ptr[UnixSocket]) -> Bool:
        """Return whether the socket that `client` is connected to takes something from it. One that
        is not connected may try."""
        ready, client = scratch(Bool), scratch(client)
        mov(ready, 1)
        with client.lock.held():
            target = scratch(client.peer)
            with (
                if_(target != 0),
                if_((u64(target.peer) != u64(client)) & self.is_full(target)),
            ):
                xor(ready, ready)
        ret(ready)

    @function(context="thread")
    def tell(self, target: Keep[Ptr[UnixSocket]]) -> None:
        """Tell all who wait to send to `target` that it takes something again."""
        with (
            target.lock.held(),
            if_(target.clients.next != 0),
            target.clients.each(UnixSocket, "client") as client,
        ):
            self.queues.announce(address_of(client.queue), WRITABLE)
        self.queues.announce(address_of(target.queue), 0)
