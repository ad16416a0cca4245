"""System calls for options of sockets."""

from __future__ import annotations

from kernel.errno import Errno
from kernel.fs.files import Files
from kernel.net.controlmessages import SOCKET_LEVEL
from kernel.net.socketnumbers import SocketNumbers
from kernel.net.socketoptions import SocketOptions
from kernel.net.sockets import Sockets
from kernel.process.systemcallgroup import SystemCallGroup
from pykasm import *


class OptionCalls(SystemCallGroup):
    """Each method is what Linux does for the call of its name (man-pages, section 2)."""

    def __init__(
        self, files: Files, sockets: Sockets, known: SocketNumbers, options: SocketOptions
    ) -> None:
        self.files = files
        self.sockets = sockets
        self.known = known
        self.options = options

    @function(context="thread", sleeps=True)
    def setsockopt(
        self,
        number: U32,
        level: Keep[U32],
        option: Keep[U32],
        place: Keep[Fetched[User[U8]]],
        length: U32,
    ) -> OrErrno[I64]:
        """Set an `option` of the socket `number` to the value of a `length` at `place`."""
        size, result = local(U32), keep(I64)
        mov(size, length)
        failed, found = self.known.get(number)
        with if_(found == 0):
            ret(failed)
        ignore(failed, "there is a socket")
        file = keep(found)
        mov(result, -Errno.EOPNOTSUPP)
        with if_(i32(size) < 0):
            mov(result, -Errno.EINVAL)
        with elif_(level == SOCKET_LEVEL):
            socket = self.sockets.of(file)
            mov(result, self.options.set(socket, option, place, size))
        self.files.drop(file)
        ret(result)

    @function(context="thread", sleeps=True)
    def getsockopt(
        self,
        number: U32,
        level: Keep[U32],
        option: Keep[U32],
        place: Keep[User[U8]],
        size: User[U8],
    ) -> OrErrno[I64]:
        """Store the value of an `option` of the socket `number` at `place`, and its size."""
        room, result = local(User[U8]), local(I64)
        mov(room, size)
        failed, found = self.known.get(number)
        with if_(found == 0):
            ret(failed)
        ignore(failed, "there is a socket")
        file = keep(found)
        mov(result, -Errno.EOPNOTSUPP)
        with if_(level == SOCKET_LEVEL):
            socket = self.sockets.of(file)
            mov(result, self.options.get(socket, option, place, room))
        self.files.drop(file)
        ret(result)
