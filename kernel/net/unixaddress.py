"""Names of Unix sockets."""

from __future__ import annotations

from kernel.structures.refcount import ReferenceCount
from pykasm import *

PATH_SIZE = 108
"""Bytes of the name in an address (unix(7): `sun_path`)."""

HEAD = sizeof(U16)
"""Bytes before it: the family."""

ADDRESS_MOST = HEAD + PATH_SIZE


class UnixAddress(Struct):
    """The name of a socket. Shared with those that were accepted from it, and never changed."""

    references: ReferenceCount = field(freed_by="UnixAddresses.free")
    hash: U32
    length: U32
    """Of the address that is told; a name in a file system counts with a zero at its end."""
    family: U16
    bytes: Array[U8] = field(count=PATH_SIZE + 1)
    """With a zero behind a name in a file system, even if it has as many bytes as there can be."""
