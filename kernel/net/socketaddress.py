"""Addresses of sockets."""

from __future__ import annotations

from enum import IntEnum

from pykasm import *

ADDRESS_SIZE = 128
"""Bytes of the longest address (Linux: `struct sockaddr_storage`)."""


class AddressFamily(IntEnum):
    """What an address is one of (include/linux/socket.h)."""

    UNSPECIFIED = 0
    UNIX = 1


FAMILIES = 46
"""Numbers of families that Linux 6.1 knows of (AF_MAX)."""


class SocketAddress(Struct):
    """An address of whatever family."""

    family: U16
    bytes: Array[U8] = field(count=ADDRESS_SIZE - sizeof(U16))


class StoredAddress(Struct):
    """An address, and how long it is."""

    length: U32
    """0 where there is none."""
    address: SocketAddress
