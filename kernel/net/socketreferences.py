"""References to sockets."""

from __future__ import annotations

from kernel.net.socket import Socket
from pykasm import *


class SocketReferences(Subsystem):
    """Drops them. Context: thread."""

    @function(context="thread")
    def drop(self, socket: Owned[Ptr[Socket]]) -> None:
        """Drop a reference to `socket`; free it with the last one."""
        with if_(socket.references.drop()):
            tail(self.free, socket)

    @function(context="thread")
    def free(self, socket: Owned[Ptr[Socket]]) -> None:
        """Free `socket`, of which nobody knows any more."""
        operations = scratch(socket.operations)
        tail(operations.free, socket)
