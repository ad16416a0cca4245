"""The lives of Unix sockets."""

from __future__ import annotations

from kernel.debug.leakcheck import LeakChecks, leak_check
from kernel.errno import Errno
from kernel.mm.slabs import SlabCache, Slabs
from kernel.net.passedfilestore import PassedFileStore
from kernel.net.socket import BOTH_WAYS, Socket, SocketDirection, SocketOperations, SocketType
from kernel.net.socketaddress import AddressFamily
from kernel.net.socketbuffers import WRITABLE_SHIFT
from kernel.net.socketidentities import SocketIdentities
from kernel.net.socketreferences import SocketReferences
from kernel.net.sockets import Sockets
from kernel.net.unixaddresses import UnixAddresses
from kernel.net.unixclients import UnixClients
from kernel.net.unixnames import UnixNames
from kernel.net.unixqueues import UnixQueues
from kernel.net.unixsocket import UnixSocket, UnixState
from kernel.sync.pollqueue import ANYTHING, READABLE, WRITABLE, PollEvent, Watcher
from kernel.sync.pollqueues import PollQueues
from pykasm import *

DATAGRAMS = 10
"""Messages that wait for a socket, less 1, before others wait to send it more
(net.unix.max_dgram_qlen)."""


class UnixSockets(LeakChecks):
    """Makes them, connects two, and ends them. Context: thread."""

    count = bss(U64)

    def __init__(
        self,
        slabs: Slabs,
        sockets: Sockets,
        references: SocketReferences,
        received: UnixQueues,
        names: UnixNames,
        clients: UnixClients,
        addresses: UnixAddresses,
        passed: PassedFileStore,
        identities: SocketIdentities,
        queues: PollQueues,
    ) -> None:
        self.sockets = sockets
        self.references = references
        self.received = received
        self.names = names
        self.clients = clients
        self.addresses = addresses
        self.passed = passed
        self.identities = identities
        self.queues = queues
        self.records = SlabCache(slabs, "Unix socket", UnixSocket)
        self.leak_checks = [leak_check("Unix sockets", self.used_count)]

    @function
    def used_count(self) -> U64:
        """Return how many there are."""
        ret(self.count)

    # Making and freeing

    @function(context="thread")
    def create(
        self, type: Keep[U32], operations: Keep[Ptr[SocketOperations]]
    ) -> Owned[OrNull[Ptr[UnixSocket]]]:
        """Return a new socket of a `type`, or null without memory."""
        made = scratch(try_(self.records.allocate_zeroed()))
        self.sockets.prepare(cast(u64(made), Ptr[Socket]))
        mov(made.family, AddressFamily.UNIX)
        mov(made.type, type)
        mov(made.operations, operations)
        with unshared(made):
            # `listen` changes it for those that accept
            mov(made.backlog, DATAGRAMS)
            made.received.reset()
        lock.inc(self.count)
        ret(made)

    @function(context="thread")
    def free(self, socket: Owned[Ptr[Socket]]) -> None:
        """Free `socket`, as `FreeSocket` says."""
        freed = keep(cast(u64(socket), Ptr[UnixSocket]))
        take_over(freed, "it is the socket")
        disown(socket, "it is that")
        name = scratch(freed.name)
        with if_(name != 0):
            self.addresses.drop(name)
        self.records.free(freed)
        lock.dec(self.count)

    # Connecting

    @function(context="thread")
    def pair(self, socket: Ptr[Socket], other: Ptr[Socket]) -> OrErrno[I64]:
        """Connect two new sockets, as `PairSockets` says. Returns 0."""
        first, second = keep(cast(socket, Ptr[UnixSocket])), keep(cast(other, Ptr[UnixSocket]))
        self.join(first, second)
        self.join(second, first)
        ret(0)

    @function
    def join(self, socket: Ptr[UnixSocket], peer: Ptr[UnixSocket]) -> None:
        """Make `peer` the other end of a new `socket`, which who runs has connected."""
        peer.references.gain()
        with unshared(socket):
            mov(socket.peer, peer)
            mov(socket.state, UnixState.CONNECTED)
        tail(self.identities.take_effective, address_of(socket.peer_identity))

    # Ending

    @function(context="thread")
    def release(self, socket: Ptr[Socket]) -> None:
        """End `socket`, as `ReleaseSocket` says, and connections that wait to be accepted."""
        ending = keep(cast(socket, Ptr[UnixSocket]))
        # First, so that nothing more comes into what is emptied below
        self._end(ending, 0)
        self._end_waiting(ending)
        self.passed.collect_garbage()
        tail(self.names.forget, ending)  # at last: what this leads to needs much of the stack

    @function(context="thread")
    def _end_waiting(self, ending: Keep[Ptr[UnixSocket]]) -> None:
        """End connections that wait to be accepted by `ending`."""
        made = keep(OrNull[Ptr[UnixSocket]])
        with loop():
            mov(made, self.take_waiting(ending))
            break_if(made == 0)
            self._end(made, 1)
            self.references.drop(cast(u64(made), Ptr[Socket]))

    @function(context="thread")
    def take_waiting(self, listener: Keep[Ptr[UnixSocket]]) -> Owned[OrNull[Ptr[UnixSocket]]]:
        """Return the connection that has waited longest to be accepted by `listener`, null if there
        is none. Those who could not connect try again."""
        made, was_full = keep(OrNull[Ptr[UnixSocket]]), keep(U32)
        xor(u32(made), u32(made))
        xor(was_full, was_full)
        with listener.lock.held(), if_(listener.waiting_count != 0):
            link = scratch(listener.waiting.next)
            mov(made, container_of(link, UnixSocket, "wait"))
            made.wait.unlink()
            mov(eax, listener.backlog)
            with if_(listener.waiting_count > eax):
                inc(was_full)
            dec(listener.waiting_count)
        with if_(was_full != 0):
            self.queues.announce(address_of(listener.queue), 0)
        with if_(made != 0):
            take_over(made, "it was in the list")
        ret(made)

    @function(context="thread")
    def _end(self, ending: Keep[Ptr[UnixSocket]], was_full: Keep[U32]) -> None:
        """End `ending`: nobody receives what has come, and the other end is told so; also if
        `was_full` is not 0, with which nothing need have come."""
        peer = keep(OrNull[Ptr[UnixSocket]])
        with ending.lock.held():
            mov(ending.is_closed, 1)
            xor(u32(peer), u32(peer))
            xchg(ending.peer, peer)
        or_(was_full, self.received.clear(ending))
        self.queues.announce(address_of(ending.queue), ANYTHING)
        with if_(peer != 0):
            self._tell_peer(ending, peer, was_full)
            self.references.drop(cast(u64(peer), Ptr[Socket]))

    @function(context="thread")
    def _tell_peer(self, ending: Ptr[UnixSocket], peer: Ptr[UnixSocket], was_full: U32) -> None:
        """End the connection of `peer` with `ending`; it has been reset if that had not received
        all."""
        with if_(ending.type == SocketType.DATAGRAM):
            tail(self.clients.remove, ending, peer)
        peer = scratch(peer)
        with if_(was_full != 0):
            mov(peer.error, Errno.ECONNRESET)
        with peer.lock.held():
            mov(peer.ended, BOTH_WAYS)
        tail(self.queues.announce, address_of(peer.queue), ANYTHING)

    @function(context="thread")
    def shutdown(self, socket: Ptr[Socket], directions: Keep[U32]) -> OrErrno[I64]:
        """End `directions` of `socket`, as `ShutSocket` says, and the opposite ones of the other
        end."""
        ending, peer = keep(cast(socket, Ptr[UnixSocket])), keep(OrNull[Ptr[UnixSocket]])
        with ending.lock.held():
            or_(ending.ended, directions)
            mov(peer, ending.peer)
            with if_(peer != 0):
                peer.references.gain()
        self.queues.announce(address_of(ending.queue), ANYTHING)
        with if_(peer != 0):
            with if_(ending.type != SocketType.DATAGRAM):
                self._end_opposite(peer, directions)
            self.references.drop(cast(u64(peer), Ptr[Socket]))
        ret(0)

    @function(context="thread")
    def _end_opposite(self, peer: Ptr[UnixSocket], directions: U32) -> None:
        """End those directions of `peer` that are the opposite ones of `directions`."""
        mov(eax, directions)
        shr(eax, 1)
        and_(directions, SocketDirection.RECEIVING)
        lea(ecx, bare[rax + u64(directions) * 2])
        with peer.lock.held():
            or_(peer.ended, ecx)
        tail(self.queues.announce, address_of(peer.queue), ANYTHING)

    # Polling

    @function(context="thread", sleeps=True)
    def poll(self, socket: Keep[Ptr[Socket]], watcher: OrNull[Ptr[Watcher]]) -> U32:
        """Return what is possible, as `PollFile` says."""
        polled, events = keep(cast(socket, Ptr[UnixSocket])), keep(U32)
        with if_(watcher != 0):
            self.queues.watch(address_of(polled.queue), watcher)
        xor(events, events)
        with if_((polled.received_count != 0) | (polled.waiting_count != 0)):
            or_(events, READABLE)
        mov(eax, polled.ended)
        with if_(eax & SocketDirection.RECEIVING):
            or_(events, READABLE | PollEvent.READ_HANG_UP)
        with if_(eax == BOTH_WAYS):
            or_(events, PollEvent.HANG_UP)
        with if_(polled.error != 0):
            or_(events, PollEvent.ERROR)
        with if_((polled.type != SocketType.DATAGRAM) & (polled.state == UnixState.UNCONNECTED)):
            or_(events, PollEvent.HANG_UP)
        with if_(lambda: self._can_send(polled)):
            or_(events, WRITABLE | PollEvent.WRITE_BAND)
        ret(events)

    @function
    def _can_send(self, socket: Ptr[UnixSocket]) -> Bool:
        """Return whether something can be sent at once, as far as polling tells."""
        fail_if(socket.state == UnixState.LISTENING)
        fail_if(~self._has_room(socket))
        with if_(socket.type == SocketType.DATAGRAM):
            tail(self.clients.is_ready, socket)
        ret(True)

    @inline(changes=(rax, rcx))
    def _has_room(self, socket: Ptr[UnixSocket]) -> Condition:
        """Return whether so much of its room is left that it counts as writable."""
        mov(rax, socket.sent)
        shl(rax, WRITABLE_SHIFT)
        mov(ecx, socket.send_buffer)
        return rax <= rcx
