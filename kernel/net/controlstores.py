"""What comes beside the bytes of messages, for who receives it."""

from __future__ import annotations

from kernel.fs.file import File
from kernel.fs.openflag import OpenFlag
from kernel.net.controlmessages import (
    ALIGNMENT,
    NUMBER_SHIFT,
    SOCKET_LEVEL,
    ControlHeader,
    ControlIdentity,
    ControlType,
)
from kernel.net.passedfiles import PassedFiles
from kernel.net.passedfilestore import PassedFileStore
from kernel.net.socketmessage import SocketIdentity, SocketMessage, SocketMessageFlag
from kernel.process.filecalls import FileCalls
from kernel.vm.usercopy import UserCopy
from pykasm import *


class ControlRoom(Struct):
    """Where a program has room for control messages."""

    place: U64
    left: U64


class ControlStores(Subsystem):
    """Stores them in programs' memory (`recvmsg`). What there is no room for, or no memory, is left
    out, and the program is told so. Context: thread."""

    def __init__(self, numbers: FileCalls, passed: PassedFileStore, copy: UserCopy) -> None:
        self.numbers = numbers
        self.passed = passed
        self.copy = copy

    @function(context="thread", sleeps=True)
    def store(
        self, message: Keep[Ptr[SocketMessage]], room: Keep[Ptr[ControlRoom]], wants_identity: U32
    ) -> None:
        """Store who has sent `message`, if that is wanted, and the files that have come with it,
        which get numbers; `room` shrinks."""
        with if_((wants_identity != 0) & (message.has_identity != 0)):
            self._store_identity(message, room)
        passed = keep(OrNull[Ptr[PassedFiles]])
        xor(u32(passed), u32(passed))
        xchg(message.passed, passed)
        with if_(passed != 0):
            self._store_files(message, room, passed)
            self.passed.discard(passed)

    @function(context="thread", sleeps=True)
    def _store_identity(
        self, message: Keep[Ptr[SocketMessage]], room: Keep[Ptr[ControlRoom]]
    ) -> None:
        """Store who has sent `message`, as far as there is room."""
        control, size = local(ControlIdentity), keep(U64)
        mov(u32(size), sizeof(ControlHeader) + sizeof(SocketIdentity))
        with if_(size > room.left):
            or_(message.told, SocketMessageFlag.CONTROL_TRUNCATED)
            mov(size, room.left)
            with if_(size < sizeof(ControlHeader)):
                ret()
        mov(control.length, size)
        mov(control.level, SOCKET_LEVEL)
        mov(control.type, ControlType.CREDENTIALS)
        control.identity.copy_from(message.identity)
        result, left = self.copy.copy_out(cast(room.place, User[U8]), address_of(control), size)
        ignore(left)
        ignore(result, "the bytes have come nevertheless")
        tail(self._advance, room, size)

    @function
    def _advance(self, room: Ptr[ControlRoom], size: U64) -> None:
        """Go past a control message of `size` bytes, and to where the next one may begin."""
        add(size, ALIGNMENT - 1)
        and_(size, -ALIGNMENT)
        with if_(size > room.left):
            mov(size, room.left)
        add(room.place, size)
        sub(room.left, size)

    @function(context="thread", sleeps=True)
    def _store_files(
        self,
        message: Keep[Ptr[SocketMessage]],
        room: Keep[Ptr[ControlRoom]],
        passed: Keep[Ptr[PassedFiles]],
    ) -> None:
        """Give the files of `passed` numbers, as far as there is room for them."""
        most, count = keep(U64), keep(U64)
        mov(most, room.left)
        sub(most, sizeof(ControlHeader))
        with if_(CF):
            xor(u32(most), u32(most))
        shr(most, NUMBER_SHIFT)
        mov(eax, passed.count)
        with if_(most > rax):
            mov(most, rax)
        xor(u32(count), u32(count))
        with while_(count < most):
            break_if(~self._store_number(message, room, passed, count))
            inc(count)
        mov(eax, passed.count)
        with if_(count < rax):
            or_(message.told, SocketMessageFlag.CONTROL_TRUNCATED)
        with if_(count != 0):
            shl(count, NUMBER_SHIFT)
            add(count, sizeof(ControlHeader))
            tail(self._store_header, room, count)

    @function(context="thread", sleeps=True)
    def _store_number(
        self,
        message: Keep[Ptr[SocketMessage]],
        room: Keep[Ptr[ControlRoom]],
        passed: Keep[Ptr[PassedFiles]],
        index: Keep[U64],
    ) -> Bool:
        """Give the file of `passed` by an `index` a number, and store that. Returns whether that
        was so."""
        xor(edi, edi)
        with if_(message.flags & SocketMessageFlag.CLOSE_ON_EXEC):
            mov(edi, OpenFlag.CLOSE_ON_EXEC)
        number = keep(self.numbers.reserve(edi))
        fail_if(number < 0)
        mov(rdi, room.place)
        lea(rdi, bare[rdi + index * 4 + sizeof(ControlHeader)])
        stored = self.copy.copy_out_word(cast(rdi, User[U8]), u32(number))
        with if_(stored != 0):
            ignore(self.numbers.release(number, 0), "it is what was given")
            ret(False)
        file = scratch(cast(passed.files[index], Ptr[File]))
        file.references.gain()
        ignore(self.numbers.enter(number, file), "it is the number")
        ret(True)

    @function(context="thread", sleeps=True)
    def _store_header(self, room: Keep[Ptr[ControlRoom]], size: Keep[U64]) -> None:
        """Store the header of a control message with files, of `size` bytes."""
        header = local(ControlHeader)
        mov(header.length, size)
        mov(header.level, SOCKET_LEVEL)
        mov(header.type, ControlType.RIGHTS)
        place, length = cast(room.place, User[U8]), sizeof(ControlHeader)
        result, left = self.copy.copy_out(place, address_of(header), length)
        ignore(left)
        ignore(result, "the bytes have come nevertheless")
        tail(self._advance, room, size)
