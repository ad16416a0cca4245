"""Messages between Unix sockets."""

from __future__ import annotations

from kernel.errno import Errno
from kernel.net.socket import Socket, SocketDirection, SocketFlag, SocketType
from kernel.net.socketaddress import AddressFamily
from kernel.net.socketbuffer import SocketBuffer
from kernel.net.socketbuffers import SocketBuffers
from kernel.net.socketmessage import SocketMessage, SocketMessageFlag
from kernel.net.socketreferences import SocketReferences
from kernel.net.socketwaits import SocketWaits
from kernel.net.unixaddress import HEAD
from kernel.net.unixclients import UnixClients
from kernel.net.unixnames import UnixNames
from kernel.net.unixqueues import UnixQueues
from kernel.net.unixreceiving import UnixReceiving
from kernel.net.unixsending import UnixSending
from kernel.net.unixsocket import UnixSocket, UnixState
from kernel.sync.mutex import Mutexes
from kernel.sync.pollqueue import ANYTHING
from kernel.sync.pollqueues import PollQueues
from pykasm import *

OVERHEAD = 32
"""Bytes of its room that a socket can't use for a message (net/unix/af_unix.c)."""


class UnixMessages(Subsystem):
    """What is done with sockets of types DATAGRAM and SEQUENCED. Context: thread."""

    def __init__(
        self,
        names: UnixNames,
        buffers: SocketBuffers,
        received: UnixQueues,
        receiving: UnixReceiving,
        sending: UnixSending,
        clients: UnixClients,
        references: SocketReferences,
        waits: SocketWaits,
        queues: PollQueues,
        mutexes: Mutexes,
    ) -> None:
        self.names = names
        self.buffers = buffers
        self.received = received
        self.receiving = receiving
        self.sending = sending
        self.clients = clients
        self.references = references
        self.waits = waits
        self.queues = queues
        self.mutexes = mutexes

    # Connecting those of type DATAGRAM

    @function(context="thread", sleeps=True)
    def connect(self, socket: Ptr[Socket], message: Keep[Ptr[SocketMessage]]) -> OrErrno[I64]:
        """Have `socket` send to an address from now on, as `ConnectSocket` says, and receive from
        there alone; one of family UNSPECIFIED ends that."""
        client = keep(cast(socket, Ptr[UnixSocket]))
        fail_if(message.name.length < HEAD, Errno.EINVAL)
        with if_(message.name.address.family == AddressFamily.UNSPECIFIED):
            self._change_peer(client, 0)
            ret(0)
        with if_(client.flags & SocketFlag.PASS_CREDENTIALS):
            try_(self.names.autobind(client))
        failed, found = self.names.find(address_of(message.name), SocketType.DATAGRAM)
        with if_(found == 0):
            ret(failed)
        ignore(failed, "there is a socket")
        target = keep(found)
        with if_(~self._may_send(client, target)):
            self.references.drop(cast(u64(target), Ptr[Socket]))
            fail(Errno.EPERM)
        self._change_peer(client, target)
        ret(0)

    @function
    def _may_send(self, sender: Ptr[UnixSocket], target: Ptr[UnixSocket]) -> Bool:
        """Return whether `target` receives from `sender`: it is connected to nobody else."""
        mov(rax, u64(target.peer))
        ret((rax == 0) | (rax == u64(sender)))

    @function(context="thread", sleeps=True)
    def _change_peer(
        self, client: Keep[Ptr[UnixSocket]], target: Keep[OrNull[Owned[Ptr[UnixSocket]]]]
    ) -> None:
        """Connect `client` to `target`, to nobody if that is null."""
        old, is_another = keep(OrNull[Ptr[UnixSocket]]), keep(U32)
        xor(is_another, is_another)
        with self.mutexes.held(client.binding):
            xor(u32(old), u32(old))
            with client.lock.held():
                # Nobody finds the old peer by this socket from here on, and who has found it has a
                # reference
                xchg(client.peer, old)
            with if_(old != 0):
                self.clients.remove(client, old)
                with if_(u64(old) != u64(target)):
                    inc(is_another)
            with if_(target != 0):
                self.clients.add(client, target)
            self._set_peer(client, target)
        # Without `binding`: the last reference may free a socket, which takes locks of its own
        with if_(old != 0):
            with if_(is_another != 0):
                self._disconnect(client, old)
            self.references.drop(cast(u64(old), Ptr[Socket]))
        self.queues.announce(address_of(client.queue), ANYTHING)

    @function
    def _set_peer(self, client: Ptr[UnixSocket], target: OrNull[Owned[Ptr[UnixSocket]]]) -> None:
        """Enter that `client`, which was connected to nobody, is to `target`; not if that is
        null."""
        target = scratch(target)
        with client.lock.held():
            mov(client.state, UnixState.UNCONNECTED)
            with if_(target != 0):
                mov(client.state, UnixState.CONNECTED)
            mov(client.peer, target)

    @function(context="thread", sleeps=True)
    def _disconnect(self, client: Keep[Ptr[UnixSocket]], old: Keep[Ptr[UnixSocket]]) -> None:
        """Have `client` lose what has come to it from `old`; that is told so if it was connected to
        `client`."""
        with self.mutexes.held(client.reading):
            ignore(self.received.clear(client))
        mov(rax, u64(old.peer))
        with if_(rax == u64(client)):
            mov(old.error, Errno.ECONNRESET)
            tail(self.queues.announce, address_of(old.queue), ANYTHING)

    # Sending

    @function(context="thread", sleeps=True)
    def send(self, socket: Ptr[Socket], message: Keep[Ptr[SocketMessage]]) -> OrErrno[I64]:
        """Send one message, as `SendMessage` says."""
        sender, result = keep(cast(socket, Ptr[UnixSocket])), keep(I64)
        fail_if(message.flags & SocketMessageFlag.OUT_OF_BAND, Errno.EOPNOTSUPP)
        with if_(sender.type == SocketType.SEQUENCED):
            mov(message.name.length, 0)
        failed, found = self._target(sender, message)
        with if_(found == 0):
            ret(failed)
        ignore(failed, "there is a target")
        target = keep(found)
        mov(result, self._send(sender, target, message))
        with if_((result == -Errno.ECONNREFUSED) & (message.name.length == 0)):
            self._leave_closed(sender, target)
        self.references.drop(cast(u64(target), Ptr[Socket]))
        ret(result)

    @function(context="thread", sleeps=True)
    def _leave_closed(self, sender: Ptr[UnixSocket], target: Ptr[UnixSocket]) -> None:
        """Have `sender` be connected to nobody, if it still is to `target`, which is closed."""
        mov(rax, u64(sender.peer))
        with if_(rax == u64(target)):
            tail(self._change_peer, sender, 0)

    @function(context="thread", sleeps=True)
    def _target(
        self, sender: Ptr[UnixSocket], message: Ptr[SocketMessage]
    ) -> tuple[OrErrno[I64], Owned[OrNull[Ptr[UnixSocket]]]]:
        """Return 0 and a reference to the socket to which `sender` sends `message`; or an error and
        null."""
        sender, peer = scratch(sender), scratch(OrNull[Ptr[UnixSocket]])
        with if_(message.name.length != 0):
            tail(self.names.find, address_of(message.name), SocketType.DATAGRAM)
        with sender.lock.held():
            mov(peer, sender.peer)
            with if_(peer != 0):
                peer.references.gain()
        with if_(peer == 0):
            ret(-Errno.ENOTCONN, 0)
        ret(0, peer)

    @function(context="thread", sleeps=True)
    def _send(
        self,
        sender: Keep[Ptr[UnixSocket]],
        target: Keep[Ptr[UnixSocket]],
        message: Keep[Ptr[SocketMessage]],
    ) -> OrErrno[I64]:
        """Send `message` to `target`. Returns how many bytes it has, or an error."""
        vector = scratch(message.vector)
        length = keep(vector.left)
        release(vector)
        mov(eax, sender.send_buffer)
        # A message has to go into the buffer as a whole; waiting would be no use
        sub(rax, OVERHEAD)
        fail_if(i64(length) > i64(rax), Errno.EMSGSIZE)
        with if_((sender.flags & SocketFlag.PASS_CREDENTIALS) & (sender.name == 0)):
            try_(self.names.autobind(sender))
        self.sending.identify(message)
        # Waiting comes first: a message that waits for its target would hold memory and files
        # meanwhile
        try_(self._wait_for_target(sender, target, message))
        failed, made = self.sending.make(sender, message, length)
        with if_(made == 0):
            ret(failed)
        ignore(failed, "there is a buffer")
        try_(self.received.deliver(target, made))
        ret(i64(length))

    @function(context="thread", sleeps=True)
    def _wait_for_target(
        self,
        sender: Keep[Ptr[UnixSocket]],
        target: Keep[Ptr[UnixSocket]],
        message: Keep[Ptr[SocketMessage]],
    ) -> OrErrno[I64]:
        """Wait until `target` takes a message from `sender`. Returns 0, or why it never does, or
        what `SocketWaits.wait` returns."""
        noted, result = keep(U64), keep(I64)
        with loop():
            mov(noted, self.queues.note(target.queue))
            mov(result, self._look_at(sender, target))
            with if_(result != -Errno.EAGAIN):
                ret(result)
            try_(self.waits.wait(address_of(target.queue), noted, message))

    @function
    def _look_at(self, sender: Ptr[UnixSocket], target: Ptr[UnixSocket]) -> OrErrno[I64]:
        """Return 0 if `target` takes a message from `sender`; -EAGAIN if too much waits there, but
        not where the two are connected with each other; -EPERM, -ECONNREFUSED or -EPIPE."""
        result, sender, target = scratch(I64), scratch(sender), scratch(target)
        xor(u32(result), u32(result))
        with target.lock.held():
            mov(rax, u64(target.peer))
            with if_(target.is_closed != 0):
                mov(result, -Errno.ECONNREFUSED)
                with if_(sender.type == SocketType.SEQUENCED):
                    mov(result, -Errno.EPIPE)
            with elif_((rax != 0) & (rax != u64(sender))):
                mov(result, -Errno.EPERM)
            with elif_(target.ended & SocketDirection.RECEIVING):
                mov(result, -Errno.EPIPE)
            with (
                elif_((rax != u64(sender)) & (u64(target) != u64(sender))),
                if_(self.clients.is_full(target)),
            ):
                mov(result, -Errno.EAGAIN)
        ret(result)

    # Receiving

    @function(context="thread", sleeps=True)
    def receive(self, socket: Ptr[Socket], message: Keep[Ptr[SocketMessage]]) -> OrErrno[I64]:
        """Receive one message, as `ReceiveMessage` says; 0 once none will come."""
        receiver, noted, result = keep(cast(socket, Ptr[UnixSocket])), keep(U64), keep(I64)
        fail_if(message.flags & SocketMessageFlag.OUT_OF_BAND, Errno.EOPNOTSUPP)
        with if_(receiver.type == SocketType.SEQUENCED):
            fail_if(receiver.state != UnixState.CONNECTED, Errno.ENOTCONN)
        with loop():
            mov(noted, self.queues.note(receiver.queue))
            # Before the look, so that what comes after it ends the wait at once
            try_(self._take_error(receiver))
            with self.mutexes.held(receiver.reading):
                mov(result, self._receive(receiver, message))
            with if_(result != -Errno.EAGAIN):
                ret(result)
            with if_(receiver.ended & SocketDirection.RECEIVING):
                mov(eax, message.flags)
                and_(eax, SocketMessageFlag.DONT_WAIT)
                with if_((eax == 0) | (receiver.type == SocketType.SEQUENCED)):
                    ret(0)
            try_(self.waits.wait(address_of(receiver.queue), noted, message))

    @function
    def _take_error(self, receiver: Ptr[UnixSocket]) -> OrErrno[I64]:
        """Return the error of `receiver`, which has none then; 0 for none."""
        xor(eax, eax)
        # In one step: of two threads one is told
        xchg(receiver.error, eax)
        neg(eax)
        movsxd(rax, eax)
        ret(rax)

    @function(context="thread", sleeps=True, holds="receiver.reading")
    def _receive(
        self, receiver: Keep[Ptr[UnixSocket]], message: Keep[Ptr[SocketMessage]]
    ) -> OrErrno[I64]:
        """Receive the message that has come first. Returns its length, as far as there was room, or
        all of it if that is asked for; -EAGAIN if none is there, -EFAULT or -ENOMEM."""
        buffer, length = keep(self.received.next(receiver, 0)), keep(U64)
        fail_if(buffer == 0, Errno.EAGAIN)
        self.receiving.tell_sender(message, buffer)
        vector = scratch(message.vector)
        mov(length, buffer.length)
        with if_(length > vector.left):
            mov(length, vector.left)
            or_(message.told, SocketMessageFlag.TRUNCATED)
        fail_if(self.buffers.copy(buffer, vector, 0, length) != 0, Errno.EFAULT)
        # After the bytes, which can fail without a trace, as open files can hardly be taken back
        try_(self.receiving.take_files(receiver, message, buffer))
        with if_(receiver.flags & SocketFlag.PASS_CREDENTIALS):
            mov(message.has_identity, 1)
            message.identity.copy_from(buffer.identity)
        with if_(message.flags & SocketMessageFlag.TRUNCATED):
            mov(length, buffer.length)
        with if_((message.flags & SocketMessageFlag.PEEK) == 0):
            self._remove(receiver, buffer)
        ret(i64(length))

    @function(context="thread", sleeps=True, holds="receiver.reading")
    def _remove(self, receiver: Keep[Ptr[UnixSocket]], buffer: Ptr[SocketBuffer]) -> None:
        """Free `buffer`, which was received. Others can send again if it was one of too many."""
        was_full = keep(U32)
        xor(was_full, was_full)
        with if_(self.clients.is_full(receiver)):
            # Only then can anybody wait for room
            inc(was_full)
        removed = self.received.remove(receiver, buffer)
        self.buffers.free(removed)
        with if_(was_full != 0):
            tail(self.clients.tell, receiver)
