"""Connections between Unix sockets."""

from __future__ import annotations

from kernel.errno import Errno
from kernel.net.socket import Socket, SocketDirection, SocketFlag
from kernel.net.socketidentities import SocketIdentities
from kernel.net.socketmessage import SocketMessage
from kernel.net.socketreferences import SocketReferences
from kernel.net.socketwaits import SocketWaits
from kernel.net.unixnames import UnixNames
from kernel.net.unixsocket import UnixSocket, UnixState
from kernel.net.unixsockets import UnixSockets
from kernel.sync.mutex import Mutexes
from kernel.sync.pollqueue import ANYTHING, READABLE
from kernel.sync.pollqueues import PollQueues
from pykasm import *

MOST_WAITING = 4096
"""Connections that may wait to be accepted (net.core.somaxconn)."""


class UnixConnections(Subsystem):
    """Makes connections for sockets of types STREAM and SEQUENCED. Context: thread."""

    def __init__(
        self,
        sockets: UnixSockets,
        names: UnixNames,
        references: SocketReferences,
        identities: SocketIdentities,
        waits: SocketWaits,
        queues: PollQueues,
        mutexes: Mutexes,
    ) -> None:
        self.sockets = sockets
        self.names = names
        self.references = references
        self.identities = identities
        self.waits = waits
        self.queues = queues
        self.mutexes = mutexes

    # Listening

    @function(context="thread", sleeps=True)
    def listen(self, socket: Ptr[Socket], backlog: Keep[U32]) -> OrErrno[I64]:
        """Have others connect to `socket`, as `ListenAtSocket` says."""
        listener = keep(cast(socket, Ptr[UnixSocket]))
        fail_if(listener.name == 0, Errno.EINVAL)
        fail_if(listener.state == UnixState.CONNECTED, Errno.EINVAL)
        with if_(backlog > MOST_WAITING):
            mov(backlog, MOST_WAITING)
        # Clients are shown who has called `listen` (SO_PEERCRED)
        self.identities.take_effective(address_of(listener.peer_identity))
        with listener.lock.held():
            mov(listener.backlog, backlog)
            # A second `listen` changes the backlog, and who waits stays
            with if_(listener.waiting.next == 0):
                listener.waiting.reset()
            mov(listener.state, UnixState.LISTENING)
        # A larger backlog lets those go on that wait for a place
        self.queues.announce(address_of(listener.queue), ANYTHING)
        ret(0)

    # Connecting

    @function(context="thread", sleeps=True)
    def connect(self, socket: Ptr[Socket], message: Keep[Ptr[SocketMessage]]) -> OrErrno[I64]:
        """Connect `socket`, as `ConnectSocket` says; wait where too many others do."""
        client, noted, result = keep(cast(socket, Ptr[UnixSocket])), local(U64), keep(I64)
        # Who is told the sender is told its address as well, so it needs one (unix(7))
        with if_(client.flags & SocketFlag.PASS_CREDENTIALS):
            try_(self.names.autobind(client))
        with loop():
            failed, found = self.names.find(address_of(message.name), client.type)
            with if_(found == 0):
                ret(failed)
            ignore(failed, "there is a socket")
            listener = keep(found)
            mov(noted, self.queues.note(listener.queue))
            # Before the look, so that a place that becomes free after it ends the wait at once
            mov(result, self._connect(client, listener))
            with if_(result == -Errno.EAGAIN):
                mov(result, self.waits.wait(address_of(listener.queue), noted, message))
                with if_(result == 0):
                    # Look again, by the name: another socket may have it now
                    mov(result, 1)
            self.references.drop(cast(u64(listener), Ptr[Socket]))
            release(listener)
            with if_(result <= 0):
                ret(result)

    @function(context="thread", sleeps=True)
    def _connect(
        self, client: Keep[Ptr[UnixSocket]], listener: Keep[Ptr[UnixSocket]]
    ) -> OrErrno[I64]:
        """Connect `client` to `listener`. Returns 0; -EAGAIN where too many wait; or an error."""
        result = keep(I64)
        # All that may fail comes before anybody can find the connection
        made = keep(try_(self.sockets.create(client.type, listener.operations), Errno.ENOMEM))
        with self.mutexes.held(client.binding):
            mov(result, self._connect_to(client, listener, made))
        with if_(result != 0):
            self.references.drop(cast(u64(made), Ptr[Socket]))
            ret(result)
        disown(made, "the listener has it")
        self.queues.announce(address_of(listener.queue), READABLE)
        self.queues.announce(address_of(client.queue), ANYTHING)
        ret(0)

    @function(context="thread", holds="client.binding")
    def _connect_to(
        self,
        client: Keep[Ptr[UnixSocket]],
        listener: Keep[Ptr[UnixSocket]],
        made: Keep[Ptr[UnixSocket]],
    ) -> OrErrno[I64]:
        """Connect `client` to `listener` by the new socket `made`, its end there."""
        # A look ahead, so that nothing has to be undone in most cases; `_queue` decides under the
        # lock
        try_(self._check(listener))
        fail_if(client.state == UnixState.CONNECTED, Errno.EISCONN)
        fail_if(client.state != UnixState.UNCONNECTED, Errno.EINVAL)
        self._prepare(client, listener, made)
        # One for the client, one for the queue of the listener
        made.references.gain()
        with errdefer(self._forget_client, made):
            try_(self._queue(listener, made))
        client.peer_identity.copy_from(listener.peer_identity)
        # In one step for who looks at either under the lock
        with client.lock.held():
            mov(client.peer, made)
            mov(client.state, UnixState.CONNECTED)
        ret(0)

    @function
    def _prepare(
        self, client: Ptr[UnixSocket], listener: Ptr[UnixSocket], made: Ptr[UnixSocket]
    ) -> None:
        """Fill in the new socket `made`, the end of `client` at `listener`."""
        name = scratch(listener.name)
        asserts(name != 0)  # else it would not listen
        # The end is shown with the name of its listener (getsockname)
        name.references.gain()
        mov(made.name, name)
        tail(self.sockets.join, made, client)

    @function(context="thread")
    def _forget_client(self, made: Keep[Owned[Ptr[UnixSocket]]]) -> None:
        """Drop a reference to `made`, which nobody knows, and that to the client it was for."""
        client = keep(OrNull[Ptr[UnixSocket]])
        xor(u32(client), u32(client))
        with unshared(made):
            xchg(made.peer, client)
        with if_(client != 0):
            self.references.drop(cast(u64(client), Ptr[Socket]))
        self.references.drop(cast(u64(made), Ptr[Socket]))

    @function
    def _check(self, listener: Ptr[UnixSocket]) -> OrErrno[I64]:
        """Return 0 if one more may wait at `listener`; -EAGAIN if too many do, -ECONNREFUSED."""
        result = scratch(I64)
        with listener.lock.held():
            mov(result, self._check_locked(listener))
        ret(result)

    @function(holds="listener.lock", clobbers=(rax, rcx))
    def _check_locked(self, listener: Ptr[UnixSocket]) -> OrErrno[I64]:
        """Do what `_check` does for who has the lock."""
        fail_if(listener.state != UnixState.LISTENING, Errno.ECONNREFUSED)
        fail_if(listener.is_closed != 0, Errno.ECONNREFUSED)
        fail_if(listener.ended & SocketDirection.RECEIVING, Errno.ECONNREFUSED)
        mov(eax, listener.backlog)
        # One more than the backlog may wait, as with Linux
        fail_if(listener.waiting_count > eax, Errno.EAGAIN)
        ret(0)

    @function
    def _queue(self, listener: Ptr[UnixSocket], made: Ptr[UnixSocket]) -> OrErrno[I64]:
        """Have `made` wait at `listener`. Returns what `_check` does."""
        result, link = scratch(I64), scratch(address_of(made.wait))
        with listener.lock.held():
            mov(result, self._check_locked(listener))
            with if_(result == 0):
                listener.waiting.append(link)
                inc(listener.waiting_count)
        ret(result)

    # Accepting

    @function(context="thread", sleeps=True)
    def accept(
        self, socket: Ptr[Socket], message: Keep[Ptr[SocketMessage]]
    ) -> tuple[OrErrno[I64], Owned[OrNull[Ptr[Socket]]]]:
        """Return an end of a connection to `socket`, as `AcceptSocket` says."""
        listener, noted, waited = keep(cast(socket, Ptr[UnixSocket])), keep(U64), keep(I64)
        with if_(listener.state != UnixState.LISTENING):
            ret(-Errno.EINVAL, 0)
        with loop():
            mov(noted, self.queues.note(listener.queue))
            made = self.sockets.take_waiting(listener)
            with if_(made != 0):
                mov(ecx, listener.flags)
                and_(ecx, SocketFlag.PASS_CREDENTIALS)
                or_(made.flags, ecx)
                ret(0, cast(u64(made), Ptr[Socket]))
            with if_(listener.ended & SocketDirection.RECEIVING):
                ret(-Errno.EINVAL, 0)
            mov(waited, self.waits.wait(address_of(listener.queue), noted, message))
            with if_(waited != 0):
                ret(waited, 0)
