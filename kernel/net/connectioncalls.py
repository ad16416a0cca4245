"""System calls that name and connect sockets."""

from __future__ import annotations

from typing import Any

from kernel.errno import Errno
from kernel.fs.file import File
from kernel.fs.files import Files
from kernel.net.addresscopies import AddressCopies
from kernel.net.socket import Socket
from kernel.net.socketaddress import StoredAddress
from kernel.net.socketcalls import OF_TYPES
from kernel.net.socketmessage import SocketMessage
from kernel.net.socketnumbers import SocketNumbers
from kernel.net.sockets import Sockets
from kernel.process.filecalls import FileCalls
from kernel.process.processes import Processes
from kernel.process.systemcallgroup import SystemCallGroup
from pykasm import *


class ConnectionCalls(SystemCallGroup):
    """Each method is what Linux does for the call of its name (man-pages, section 2)."""

    def __init__(
        self,
        processes: Processes,
        numbers: FileCalls,
        files: Files,
        sockets: Sockets,
        known: SocketNumbers,
        addresses: AddressCopies,
    ) -> None:
        self.processes = processes
        self.numbers = numbers
        self.files = files
        self.sockets = sockets
        self.known = known
        self.addresses = addresses

    @function(context="thread", sleeps=True)
    def bind(self, number: U32, place: Keep[Fetched[User[U8]]], length: Keep[U32]) -> OrErrno[I64]:
        """Give the socket `number` the address of a `length` at `place`."""
        name, result = local(StoredAddress), keep(I64)
        failed, found = self.known.get(number)
        with if_(found == 0):
            ret(failed)
        ignore(failed, "there is a socket")
        file = keep(found)
        mov(result, self.addresses.fetch(address_of(name), place, length))
        with if_(result == 0):
            socket = self.sockets.of(file)
            operations = scratch(socket.operations)
            mov(result, operations.bind(socket, address_of(name)))
        self.files.drop(file)
        ret(result)

    @function(context="thread", sleeps=True)
    def listen(self, number: U32, backlog: Keep[U32]) -> OrErrno[I64]:
        """Have others connect to the socket `number`, of which about `backlog` may wait."""
        result = keep(I64)
        failed, found = self.known.get(number)
        with if_(found == 0):
            ret(failed)
        ignore(failed, "there is a socket")
        file = keep(found)
        socket = self.sockets.of(file)
        operations = scratch(socket.operations)
        mov(result, operations.listen(socket, backlog))
        self.files.drop(file)
        ret(result)

    @function(context="thread", sleeps=True)
    def connect(
        self, number: U32, place: Keep[Fetched[User[U8]]], length: Keep[U32]
    ) -> OrErrno[I64]:
        """Connect the socket `number` to the address of a `length` at `place`."""
        message, result = local(SocketMessage), keep(I64)
        failed, found = self.known.get(number)
        with if_(found == 0):
            ret(failed)
        ignore(failed, "there is a socket")
        file = keep(found)
        mov(result, self.addresses.fetch(address_of(message.name), place, length))
        with if_(result == 0):
            socket = keep(self.sockets.of(file))
            self.sockets.begin_call(address_of(message), file, socket.send_timeout)
            operations = scratch(socket.operations)
            mov(result, operations.connect(socket, address_of(message)))
        self.files.drop(file)
        ret(result)

    # Accepting

    @function(context="thread", sleeps=True)
    def accept(self, number: U32, place: User[U8], length: User[U8]) -> OrErrno[I64]:
        """Take a connection to the socket `number`: see `accept4`."""
        tail(self.accept4, number, place, length, 0)

    @function(context="thread", sleeps=True)
    def accept4(
        self, number: U32, place: Keep[User[U8]], length: Keep[User[U8]], flags: Keep[U32]
    ) -> OrErrno[I64]:
        """Take a connection to the socket `number`, by flags, and return the number of its end
        here. The address of the other end is stored at `place`, unless that is null."""
        result = keep(I64)
        failed, found = self.known.get(number)
        with if_(found == 0):
            ret(failed)
        ignore(failed, "there is a socket")
        file = keep(found)
        mov(result, -Errno.EINVAL)
        with if_((flags & ~int(OF_TYPES)) == 0):
            mov(result, self._accept(file, place, length, flags))
        self.files.drop(file)
        ret(result)

    @function(context="thread", sleeps=True)
    def _accept(
        self, file: Ptr[File], place: Keep[User[U8]], length: Keep[User[U8]], flags: Keep[U32]
    ) -> OrErrno[I64]:
        """Do what `accept4` does, at the socket of `file`."""
        listener, number = keep(file), local(I64)
        mov(number, try_(self.numbers.reserve(flags)))
        failed, made = self._take(listener)
        with if_(made == 0):
            tail(self.numbers.release, number, failed)
        ignore(failed, "there is a socket")
        and_(flags, int(OF_TYPES))
        task = self.processes.current()
        file = keep(self.sockets.open(made, flags, task.credentials))
        with if_(file == 0):
            tail(self.numbers.release, number, -Errno.ENOMEM)
        with if_(u64(place) != 0):
            stored = self._store_peer(file, place, length)
            with if_(stored != 0):
                mov(u64(place), u64(stored))
                self.files.drop(file)
                tail(self.numbers.release, number, i64(place))
        tail(self.numbers.enter, number, file)

    @function(context="thread", sleeps=True)
    def _take(self, file: Keep[Ptr[File]]) -> tuple[OrErrno[I64], Owned[OrNull[Ptr[Socket]]]]:
        """Return 0 and a new connection to the socket of `file`; or an error and null."""
        message, socket = local(SocketMessage), keep(self.sockets.of(file))
        self.sockets.begin_call(address_of(message), file, socket.receive_timeout)
        operations = scratch(socket.operations)
        failed, made = operations.accept(socket, address_of(message))
        ret(failed, made)

    # Names

    @function(context="thread", sleeps=True)
    def _store_peer(
        self, file: Ptr[File], place: Keep[User[U8]], length: Keep[User[U8]]
    ) -> OrErrno[I64]:
        """Store the address of the other end of the socket of `file`. Returns 0 or an error."""
        name, socket = local(StoredAddress), self.sockets.of(file)
        operations = scratch(socket.operations)
        try_(operations.peer_name(socket, address_of(name)))
        ret(self.addresses.store(address_of(name), place, length))

    @function(context="thread", sleeps=True)
    def _store_own(
        self, file: Ptr[File], place: Keep[User[U8]], length: Keep[User[U8]]
    ) -> OrErrno[I64]:
        """Store the address of the socket of `file`. Returns 0 or an error."""
        name, socket = local(StoredAddress), self.sockets.of(file)
        operations = scratch(socket.operations)
        try_(operations.name(socket, address_of(name)))
        ret(self.addresses.store(address_of(name), place, length))

    @function(context="thread", sleeps=True)
    def getsockname(
        self, number: U32, place: Keep[User[U8]], length: Keep[User[U8]]
    ) -> OrErrno[I64]:
        """Store the address of the socket `number` at `place`."""
        self._tell(number, place, length, self._store_own)

    @function(context="thread", sleeps=True)
    def getpeername(
        self, number: U32, place: Keep[User[U8]], length: Keep[User[U8]]
    ) -> OrErrno[I64]:
        """Store the address of the other end of the socket `number` at `place`."""
        self._tell(number, place, length, self._store_peer)

    @inline(changes=("number", *CALLER_SAVED))
    def _tell(self, number: U32, place: User[U8], length: User[U8], store: Any) -> None:
        """Call `store` for the socket `number`, and return what it does from the caller's
        function."""
        result = keep(I64)
        failed, found = self.known.get(number)
        with if_(found == 0):
            ret(failed)
        ignore(failed, "there is a socket")
        file = keep(found)
        mov(result, store(file, place, length))
        self.files.drop(file)
        ret(result)
