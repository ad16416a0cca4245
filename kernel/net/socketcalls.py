"""System calls for sockets."""

from __future__ import annotations

from collections.abc import Sequence

from kernel.errno import Errno
from kernel.fs.file import File
from kernel.fs.files import Files
from kernel.fs.openflag import OpenFlag
from kernel.net.socket import BOTH_WAYS, SOCKET_TYPES, Socket
from kernel.net.socketaddress import FAMILIES
from kernel.net.socketfamily import SocketFamily
from kernel.net.socketnumbers import SocketNumbers
from kernel.net.sockets import Sockets
from kernel.process.filecalls import FileCalls
from kernel.process.processes import Processes
from kernel.process.systemcallgroup import SystemCallGroup
from pykasm import *

TYPE_MASK = 0xF
"""The part of a type that is none of OF_TYPES (include/linux/net.h: SOCK_TYPE_MASK)."""

OF_TYPES = OpenFlag.NONBLOCK | OpenFlag.CLOSE_ON_EXEC
"""Flags that are given with a type."""


class SocketCalls(SystemCallGroup):
    """Each method is what Linux does for the call of its name (man-pages, section 2)."""

    def __init__(
        self,
        processes: Processes,
        numbers: FileCalls,
        files: Files,
        sockets: Sockets,
        known: SocketNumbers,
        families: Sequence[SocketFamily],
    ) -> None:
        self.processes = processes
        self.numbers = numbers
        self.files = files
        self.sockets = sockets
        self.known = known
        self.families = families

    # Making

    @function(context="thread", sleeps=True)
    def socket(self, family: U32, type: Keep[U32], protocol: U32) -> OrErrno[I64]:
        """Make a socket, and return its number."""
        failed, socket = self._create(family, type, protocol)
        with if_(socket == 0):
            ret(failed)
        ignore(failed, "there is a socket")
        file = try_(self._open(socket, type), Errno.ENOMEM)
        tail(self.numbers.add, file, 0, type)

    @function(context="thread", sleeps=True)
    def _create(
        self, family: U32, type: U32, protocol: U32
    ) -> tuple[OrErrno[I64], Owned[OrNull[Ptr[Socket]]]]:
        """Return 0 and a new socket of a `type`, which has OF_TYPES, too; or an error and null."""
        family, type, protocol = scratch(family), scratch(type), scratch(protocol)
        with if_(type & ~(TYPE_MASK | int(OF_TYPES))):
            ret(-Errno.EINVAL, 0)
        and_(type, TYPE_MASK)
        with if_(family >= FAMILIES):
            ret(-Errno.EAFNOSUPPORT, 0)
        with if_(type >= SOCKET_TYPES):
            ret(-Errno.EINVAL, 0)
        for one in self.families:
            with if_(family == one.number):
                tail(one.create, type, protocol)
        ret(-Errno.EAFNOSUPPORT, 0)

    @function(context="thread", sleeps=True)
    def _open(self, socket: Owned[Ptr[Socket]], flags: U32) -> Owned[OrNull[Ptr[File]]]:
        """Return the open file of `socket`, by those of OF_TYPES that `flags` have; or null without
        memory, and the socket has ended."""
        and_(flags, int(OF_TYPES))
        task = self.processes.current()
        tail(self.sockets.open, socket, flags, task.credentials)

    @function(context="thread", sleeps=True)
    def socketpair(
        self, family: Keep[U32], type: Keep[U32], protocol: Keep[U32], numbers: Keep[User[U8]]
    ) -> OrErrno[I64]:
        """Make two sockets that are connected with each other, and store their numbers."""
        failed, made = self._create(family, type, protocol)
        with if_(made == 0):
            ret(failed)
        ignore(failed, "there is a socket")
        first = keep(made)
        failed, made = self._create(family, type, protocol)
        with if_(made == 0):
            mov(u64(numbers), u64(failed))
            self.sockets.end(first)
            ret(i64(numbers))
        ignore(failed, "there is another one")
        tail(self._open_pair, first, made, type, numbers)

    @function(context="thread", sleeps=True)
    def _open_pair(
        self,
        first: Keep[Owned[Ptr[Socket]]],
        second: Keep[Owned[Ptr[Socket]]],
        flags: Keep[U32],
        numbers: Keep[User[U8]],
    ) -> OrErrno[I64]:
        """Connect two new sockets, open them, and store their numbers. Returns 0; or an error, and
        both have ended."""
        with errdefer(self.sockets.end, second):
            with errdefer(self.sockets.end, first):
                operations = scratch(first.operations)
                try_(operations.pair(first, second))
            file = keep(try_(self._open(first, flags), Errno.ENOMEM))
        with errdefer(self.files.drop, file):
            other = try_(self._open(second, flags), Errno.ENOMEM)
        tail(self.numbers.add_pair, file, other, flags, numbers)

    # Ending

    @function(context="thread", sleeps=True)
    def shutdown(self, number: U32, how: Keep[U32]) -> OrErrno[I64]:
        """End receiving by the socket `number` (0), sending (1), or both (2)."""
        result = keep(I64)
        failed, found = self.known.get(number)
        with if_(found == 0):
            ret(failed)
        ignore(failed, "there is a socket")
        file = keep(found)
        mov(result, -Errno.EINVAL)
        inc(how)  # the numbers are those of `SocketDirection`, less 1
        with if_((how != 0) & (how <= BOTH_WAYS)):
            socket = self.sockets.of(file)
            operations = scratch(socket.operations)
            mov(result, operations.shutdown(socket, how))
        self.files.drop(file)
        ret(result)
