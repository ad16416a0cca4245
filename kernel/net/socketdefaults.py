"""What sockets do whose protocol says nothing of it."""

from __future__ import annotations

from typing import Any

from kernel.errno import Errno
from kernel.net.socket import Socket, SocketOperations
from kernel.net.socketmessage import SocketMessage
from pykasm import *


class SocketDefaults(Subsystem):
    """One default for those of the `SocketOperations` that a protocol may be without."""

    def table(self, **given: Any) -> SocketOperations:
        """Return a table of operations with those that are `given` by their names."""
        defaults = {
            "listen": self._ask,
            "accept": self._accept,
        }
        return SocketOperations(**(defaults | given))

    @function
    def _ask(self, socket: Ptr[Socket], what: U32) -> OrErrno[I64]:
        """It knows nothing of that."""
        ret(-Errno.EOPNOTSUPP)

    @function
    def _accept(
        self, socket: Ptr[Socket], message: Ptr[SocketMessage]
    ) -> tuple[OrErrno[I64], Owned[OrNull[Ptr[Socket]]]]:
        """Nobody connects to it."""
        ret(-Errno.EOPNOTSUPP, 0)
