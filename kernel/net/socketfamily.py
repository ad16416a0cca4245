"""Families of sockets."""

from __future__ import annotations

from kernel.net.socket import Socket
from kernel.net.socketaddress import AddressFamily
from pykasm import *


class SocketFamily(Subsystem):
    """What a family has besides the operations of its sockets."""

    number: AddressFamily

    @function
    def create(self, type: U32, protocol: U32) -> tuple[OrErrno[I64], Owned[OrNull[Ptr[Socket]]]]:
        """Return 0 and a new socket of a `type` and a `protocol`, 0 for the usual one; or
        -EPROTONOSUPPORT, -ESOCKTNOSUPPORT or -ENOMEM, and null."""
        raise NotImplementedError
