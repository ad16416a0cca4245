"""What one call sends or receives."""

from __future__ import annotations

from enum import IntFlag

from kernel.clock.units import Nanoseconds
from kernel.fs.iovector import IoVector
from kernel.net.passedfiles import PassedFiles
from kernel.net.socketaddress import StoredAddress
from pykasm import *


class SocketMessageFlag(IntFlag):
    """How it is sent or received, and what is told of it (include/linux/socket.h)."""

    OUT_OF_BAND = 0x1
    PEEK = 0x2
    """Leave it where it is."""
    CONTROL_TRUNCATED = 0x8
    """Told: there was no room for all that came beside the bytes."""
    TRUNCATED = 0x20
    """Told: there was no room for all bytes. Asked for: tell how many there were."""
    DONT_WAIT = 0x40
    END_OF_RECORD = 0x80
    WAIT_ALL = 0x100
    """Wait for as many bytes as there is room for."""
    NO_SIGNAL = 0x4000
    """Send no SIGPIPE."""
    WAIT_FOR_ONE = 0x1_0000
    """Of `recvmmsg`: wait for the first message alone."""
    CLOSE_ON_EXEC = 0x4000_0000


class SocketIdentity(Struct):
    """Who has sent something, or has connected: Linux's `struct ucred`."""

    process: U32
    user: U32
    group: U32

    @inline(changes=rax)
    def copy_from(self, other: SocketIdentity) -> None:
        """Become the same as `other`."""
        copy_fields(self, other, "process", "user", "group")

    @inline(changes=(rax, rcx))
    def is_same(self, other: SocketIdentity) -> Condition:
        """Return whether `other` is the same."""
        xor(ecx, ecx)
        for name in ("process", "user", "group"):
            mov(eax, getattr(self, name))
            xor(eax, getattr(other, name))
            or_(ecx, eax)
        return ecx == 0


class SocketMessage(Struct):
    """Bytes, and what belongs to them (Linux: the kernel's `struct msghdr`)."""

    vector: Ptr[IoVector]
    flags: U32 = field(SocketMessageFlag)
    told: U32 = field(SocketMessageFlag)
    """What the receiver is told."""
    deadline: Nanoseconds
    """How long to wait; with DONT_WAIT, it means nothing."""
    wants_address: U32
    """1 if who receives it asks who has sent it."""
    has_identity: U32
    """1 if `identity` is there: always for who sends."""
    identity: SocketIdentity
    passed: OrNull[Owned[Ptr[PassedFiles]]]
    """Files that are to be sent, or have come."""
    name: StoredAddress
    """To whom, or from whom."""
