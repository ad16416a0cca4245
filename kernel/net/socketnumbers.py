"""Sockets by the numbers that programs have for them."""

from __future__ import annotations

from kernel.errno import Errno
from kernel.fs.file import File
from kernel.fs.files import Files
from kernel.fs.openflag import OpenFlag
from kernel.net.sockets import Sockets
from kernel.process.filecalls import FileCalls
from pykasm import *


class SocketNumbers(Subsystem):
    """Finds them. Context: thread."""

    def __init__(self, numbers: FileCalls, files: Files, sockets: Sockets) -> None:
        self.numbers = numbers
        self.files = files
        self.sockets = sockets

    @function(context="thread", sleeps=True)
    def get(self, number: U32) -> tuple[OrErrno[I64], Owned[OrNull[Ptr[File]]]]:
        """Return 0 and a reference to the file `number`, which is that of a socket; or -EBADF or
        -ENOTSOCK, and null."""
        file = keep(self.numbers.get(number))
        with if_(file == 0):
            ret(-Errno.EBADF, 0)
        with if_(file.flags & OpenFlag.PATH):
            self.files.drop(file)
            ret(-Errno.EBADF, 0)
        with if_(~self.sockets.is_socket(file)):
            self.files.drop(file)
            ret(-Errno.ENOTSOCK, 0)
        ret(0, file)
