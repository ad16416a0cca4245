"""What comes beside the bytes of messages."""

from __future__ import annotations

from enum import IntEnum

from kernel.errno import Errno
from kernel.mm.heap import Heap
from kernel.net.passedfiles import MOST_PASSED
from kernel.net.passedfilestore import PassedFileStore
from kernel.net.socketidentities import SocketIdentities
from kernel.net.socketmessage import SocketIdentity, SocketMessage
from kernel.process.filecalls import FileCalls
from kernel.vm.usercopy import UserCopy
from pykasm import *

SOCKET_LEVEL = 1
"""Options and control messages of sockets themselves (SOL_SOCKET)."""

MOST_CONTROL = 20_480
"""Bytes of control messages that one message has, at most (net.core.optmem_max)."""


class ControlType(IntEnum):
    """Types of control messages (include/linux/socket.h)."""

    RIGHTS = 1
    """Open files."""
    CREDENTIALS = 2
    """Who has sent it."""


class ControlHeader(Struct):
    """Linux's `struct cmsghdr`."""

    length: Untrusted[U64]
    """With the header."""
    level: U32
    type: U32


class ControlIdentity(ControlHeader):
    """One with CREDENTIALS."""

    identity: SocketIdentity


class ControlRights(ControlHeader):
    """One with RIGHTS."""

    numbers: Array[U32]


NUMBER_SHIFT = 2
"""log2 of the bytes of a file's number."""

ALIGNMENT = sizeof(U64)
"""Of each control message."""


class ControlMessages(Subsystem):
    """Takes them from programs (`sendmsg`). Context: thread."""

    def __init__(
        self,
        heap: Heap,
        numbers: FileCalls,
        passed: PassedFileStore,
        identities: SocketIdentities,
        copy: UserCopy,
    ) -> None:
        self.heap = heap
        self.numbers = numbers
        self.passed = passed
        self.identities = identities
        self.copy = copy

    @function(context="thread", sleeps=True)
    def take(
        self, message: Keep[Ptr[SocketMessage]], place: Fetched[User[U8]], length: U64
    ) -> OrErrno[I64]:
        """Give `message` what the `length` bytes of control messages at `place` say. Returns 0; or
        an error, and the caller closes the files that the message has already."""
        place, length, result = keep(place), keep(length), keep(I64)
        fail_if(length > MOST_CONTROL, Errno.ENOBUFS)
        with if_(length < sizeof(ControlHeader)):
            ret(0)
        memory = keep(try_(self.heap.allocate(length), Errno.ENOMEM))
        failed, left = self.copy.copy_in(memory, place, length)
        ignore(left)
        mov(result, -Errno.EFAULT)
        with if_(failed == 0):
            mov(result, self._parse(message, memory, length))
        self.heap.free(memory)
        ret(result)

    @function(context="thread", sleeps=True)
    def _parse(
        self, message: Keep[Ptr[SocketMessage]], place: Keep[U64], length: Keep[U64]
    ) -> OrErrno[I64]:
        """Do what `take` does for the kernel's copy."""
        size = keep(U64)
        with while_(length >= sizeof(ControlHeader)):
            header = scratch(cast(place, Ptr[ControlHeader]))
            mov(size, header.length)
            fail_if((size < sizeof(ControlHeader)) | (size > length), Errno.EINVAL)
            with if_(header.level == SOCKET_LEVEL):
                try_(self._take_one(message, header, size, length))
            add(size, ALIGNMENT - 1)
            and_(size, -ALIGNMENT)
            break_if(size >= length)
            add(place, size)
            sub(length, size)
        ret(0)

    @function(context="thread", sleeps=True)
    def _take_one(
        self, message: Ptr[SocketMessage], header: Ptr[ControlHeader], size: U64, left: U64
    ) -> OrErrno[I64]:
        """Give `message` what one control message of `size` bytes says; there are `left` bytes with
        those that follow. Returns 0 or an error."""
        message, header = scratch(message), scratch(header)
        with switch(scratch(header.type)):
            with case(ControlType.RIGHTS):
                tail(self._take_rights, message, cast(header, Ptr[ControlRights]), size, left)
            with case(ControlType.CREDENTIALS):
                fail_if(size != sizeof(ControlHeader) + sizeof(SocketIdentity), Errno.EINVAL)
                place = scratch(cast(header, Ptr[ControlIdentity]))
                tail(self._take_identity, message, place)
        ret(-Errno.EINVAL)

    @function(context="thread", sleeps=True)
    def _take_identity(
        self, message: Keep[Ptr[SocketMessage]], stated: Ptr[ControlIdentity]
    ) -> OrErrno[I64]:
        """Note that `message` comes from who is `stated`, if the program may say so. Returns 0,
        -EPERM or -ESRCH."""
        stated = scratch(stated)
        message.identity.copy_from(stated.identity)
        try_(self.identities.check(address_of(message.identity)))
        mov(message.has_identity, 1)
        ret(0)

    @function(context="thread", sleeps=True)
    def _take_rights(
        self,
        message: Keep[Ptr[SocketMessage]],
        rights: Keep[Ptr[ControlRights]],
        size: U64,
        left: U64,
    ) -> OrErrno[I64]:
        """Give `message` the files whose numbers are in `rights`. Returns 0, -EINVAL for too many,
        -EBADF or -ENOMEM."""
        count = keep(size)
        sub(count, sizeof(ControlHeader))
        shr(count, NUMBER_SHIFT)
        with if_(count == 0):
            ret(0)
        fail_if(count > MOST_PASSED, Errno.EINVAL)
        with if_(message.passed == 0):
            shr(left, NUMBER_SHIFT)
            with if_(left > MOST_PASSED):
                mov(left, MOST_PASSED)
            mov(message.passed, try_(self.passed.allocate(left), Errno.ENOMEM))
        passed = keep(message.passed)
        asserts(passed != 0)  # it was made, at the latest
        mov(eax, passed.count)
        add(rax, count)
        fail_if(rax > MOST_PASSED, Errno.EINVAL)
        place = keep(address_of(rights.numbers))
        with while_(count != 0):
            file = try_(self.numbers.get(at(place)), Errno.EBADF)
            mov(ecx, passed.count)
            mov(passed.files[rcx], u64(file))
            disown(file, "the record has it")
            inc(passed.count)
            add(place, sizeof(U32))
            dec(count)
        ret(0)
