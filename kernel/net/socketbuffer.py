"""Bytes on their way between sockets."""

from __future__ import annotations

from kernel.net.passedfiles import PassedFiles
from kernel.net.socket import Socket
from kernel.net.socketmessage import SocketIdentity
from kernel.structures.list import ListHead
from pykasm import *


class BufferChunk(Struct):
    """Some bytes, in one piece of memory."""

    next: OrNull[Ptr[BufferChunk]]
    start: U64
    """The index of the first byte that was not received yet."""
    end: U64
    """That behind the last one."""
    bytes: Array[U8]


class SocketBuffer(Struct):
    """A message, or a part of a stream, that waits for who receives it (Linux: `struct sk_buff`).
    Behind it lies its first chunk."""

    link: ListHead
    """Where it waits."""
    length: U64
    """Bytes that were not received yet."""
    size: U64
    """Bytes of memory that it takes, for which its sender has less room."""
    sender: Owned[Ptr[Socket]]
    first: OrNull[Ptr[BufferChunk]]
    """The chunk that the next byte is in."""
    identity: SocketIdentity
    """Who has sent it."""
    passed: OrNull[Owned[Ptr[PassedFiles]]]
    """Files that come with it."""
