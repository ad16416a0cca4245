"""System calls that send and receive by sockets."""

from __future__ import annotations

from kernel.clock.clock import Clock
from kernel.clock.units import Nanoseconds
from kernel.errno import Errno
from kernel.fs.file import File
from kernel.fs.fileio import MOST_BYTES
from kernel.fs.files import Files
from kernel.fs.iovector import IoVector
from kernel.mm.heap import Heap
from kernel.net.addresscopies import AddressCopies
from kernel.net.controlmessages import ControlMessages
from kernel.net.controlstores import ControlRoom, ControlStores
from kernel.net.passedfiles import PassedFiles
from kernel.net.passedfilestore import PassedFileStore
from kernel.net.socket import SocketFlag
from kernel.net.socketaddress import ADDRESS_SIZE
from kernel.net.socketmessage import SocketMessage, SocketMessageFlag
from kernel.net.socketnumbers import SocketNumbers
from kernel.net.sockets import Sockets
from kernel.process.systemcallgroup import SystemCallGroup
from kernel.process.usertimes import UserTimes
from kernel.process.vectorcalls import MOST, UserSegments, VectorCalls
from kernel.sched.waiting import FOREVER
from kernel.vm.usercopy import UserCopy
from pykasm import *

MOST_MESSAGES = 1024
"""Of one call of `sendmmsg` or `recvmmsg` (UIO_MAXIOV)."""

OF_KERNEL = 0x8000_0000
"""A flag that programs can't give (MSG_CMSG_COMPAT)."""

OF_PROGRAMS = OF_KERNEL - 1
"""All others."""


class MessageHeader(Struct):
    """Linux's `struct msghdr`."""

    name: U64
    name_length: Untrusted[U32]
    list: U64
    count: Untrusted[U64]
    control: U64
    control_length: Untrusted[U64]
    flags: U32
    padding: U32


class CountedHeader(MessageHeader):
    """Linux's `struct mmsghdr`."""

    length: U32


class MessageSeries(Struct):
    """What `recvmmsg` was given, and how far it has come."""

    number: U32
    place: User[U8]
    left: U32
    flags: U32 = field(SocketMessageFlag)
    deadline: Nanoseconds


class SocketMessageCalls(SystemCallGroup):
    """Each method is what Linux does for the call of its name (man-pages, section 2)."""

    def __init__(
        self,
        files: Files,
        sockets: Sockets,
        known: SocketNumbers,
        addresses: AddressCopies,
        controls: ControlMessages,
        stores: ControlStores,
        passed: PassedFileStore,
        vectors: VectorCalls,
        times: UserTimes,
        clock: Clock,
        heap: Heap,
        copy: UserCopy,
    ) -> None:
        self.files = files
        self.sockets = sockets
        self.known = known
        self.addresses = addresses
        self.controls = controls
        self.stores = stores
        self.passed = passed
        self.vectors = vectors
        self.times = times
        self.clock = clock
        self.heap = heap
        self.copy = copy

    # Bytes and an address

    @function(context="thread", sleeps=True)
    def sendto(
        self,
        number: U32,
        buffer: Keep[User[U8]],
        length: Keep[U64],
        flags: Keep[U32],
        place: Keep[Fetched[User[U8]]],
        name_length: U32,
    ) -> OrErrno[I64]:
        """Send `length` bytes at `buffer` by the socket `number`, to the address at `place` unless
        that is null."""
        size, vector, result = local(U32), local(IoVector), local(I64)
        mov(size, name_length)
        failed, found = self.known.get(number)
        with if_(found == 0):
            ret(failed)
        ignore(failed, "there is a socket")
        file = keep(found)
        self._start(address_of(vector), u64(buffer), length)
        mov(result, self._send_to(file, address_of(vector), flags, place, size))
        self.files.drop(file)
        ret(result)

    @function
    def _start(self, vector: Ptr[IoVector], buffer: U64, length: U64) -> None:
        """Begin at `length` bytes of a program's at `buffer`, as many as one call moves."""
        with if_(length > MOST_BYTES):
            mov(length, MOST_BYTES)
        vector.start(buffer, length, is_user=True)

    @function(context="thread", sleeps=True)
    def _send_to(
        self,
        file: Keep[Ptr[File]],
        vector: Keep[Ptr[IoVector]],
        flags: Keep[U32],
        place: Keep[Fetched[User[U8]]],
        size: Keep[U32],
    ) -> OrErrno[I64]:
        """Send what `vector` has by the socket of `file`, to the address of a `size` at `place`."""
        message = local(SocketMessage)
        mov(message.vector, vector)
        mov(message.name.length, 0)
        with if_(u64(place) != 0):
            try_(self.addresses.fetch(address_of(message.name), place, size))
        socket = self.sockets.of(file)
        self.sockets.begin_call(address_of(message), file, socket.send_timeout)
        # Flags of the kernel's own have bits beside these
        and_(flags, OF_PROGRAMS)
        or_(message.flags, flags)
        # The call has changed the register
        socket = self.sockets.of(file)
        operations = scratch(socket.operations)
        done = operations.send(socket, address_of(message))
        ret(done)

    @function(context="thread", sleeps=True)
    def recvfrom(
        self,
        number: U32,
        buffer: Keep[User[U8]],
        length: Keep[U64],
        flags: Keep[U32],
        place: Keep[User[U8]],
        name_length: User[U8],
    ) -> OrErrno[I64]:
        """Receive `length` bytes at most at `buffer` by the socket `number`, and store who has sent
        them at `place` unless that is null."""
        size, vector, result = local(User[U8]), local(IoVector), local(I64)
        mov(size, name_length)
        failed, found = self.known.get(number)
        with if_(found == 0):
            ret(failed)
        ignore(failed, "there is a socket")
        file = keep(found)
        self._start(address_of(vector), u64(buffer), length)
        mov(result, self._receive_from(file, address_of(vector), flags, place, size))
        self.files.drop(file)
        ret(result)

    @function(context="thread", sleeps=True)
    def _receive_from(
        self,
        file: Ptr[File],
        vector: Ptr[IoVector],
        flags: U32,
        place: Keep[User[U8]],
        size: Keep[User[U8]],
    ) -> OrErrno[I64]:
        """Receive what `vector` has room for by the socket of `file`, and store who has sent it at
        `place`, and its size, unless that is null."""
        message, result = local(SocketMessage), keep(I64)
        mov(message.vector, vector)
        xor(eax, eax)
        with if_(u64(place) != 0):
            inc(eax)
        mov(result, self._receive(file, address_of(message), flags, eax))
        passed = scratch(message.passed)
        with if_(passed != 0):  # nobody asks for them
            take_over(passed, "the message had it")
            self.passed.discard(passed)
        with if_((result >= 0) & (u64(place) != 0)):
            try_(self.addresses.store(address_of(message.name), place, size))
        ret(result)

    @function(context="thread", sleeps=True)
    def _receive(
        self,
        file: Keep[Ptr[File]],
        message: Keep[Ptr[SocketMessage]],
        flags: Keep[U32],
        wants_address: Keep[U32],
    ) -> OrErrno[I64]:
        """Receive `message` by the socket of `file`."""
        socket = self.sockets.of(file)
        mov(message.name.length, 0)
        self.sockets.begin_call(message, file, socket.receive_timeout)
        and_(flags, OF_PROGRAMS)
        or_(message.flags, flags)
        mov(message.wants_address, wants_address)
        socket = self.sockets.of(file)
        operations = scratch(socket.operations)
        done = operations.receive(socket, message)
        ret(done)

    # With all that comes beside the bytes

    @function(context="thread", sleeps=True)
    def sendmsg(
        self, number: U32, place: Keep[Fetched[User[U8]]], flags: Keep[U32]
    ) -> OrErrno[I64]:
        """Send the message that the header at `place` describes by the socket `number`."""
        header, result = local(MessageHeader), keep(I64)
        fail_if(flags & OF_KERNEL, Errno.EINVAL)
        failed, found = self.known.get(number)
        with if_(found == 0):
            ret(failed)
        ignore(failed, "there is a socket")
        file = keep(found)
        mov(result, self._take_header(address_of(header), place))
        with if_(result == 0):
            mov(result, self._send_message(file, address_of(header), flags))
        self.files.drop(file)
        ret(result)

    @function(context="thread", sleeps=True)
    def _take_header(
        self, header: Keep[Ptr[MessageHeader]], place: Fetched[User[U8]]
    ) -> OrErrno[I64]:
        """Copy the header at `place`. Returns 0, -EFAULT, -EINVAL or -EMSGSIZE."""
        self.copy.copy_in_all(u64(header), place, sizeof(MessageHeader))
        fail_if(i32(header.name_length) < 0, Errno.EINVAL)
        # A length without a place is no mistake (sendmsg(2))
        with if_(header.name == 0):
            mov(header.name_length, 0)
        with if_(header.name_length > ADDRESS_SIZE):
            # No address is longer, and what is behind it says nothing
            mov(header.name_length, ADDRESS_SIZE)
        fail_if(header.count > MOST, Errno.EMSGSIZE)
        ret(0)

    @function(context="thread", sleeps=True)
    def _send_message(
        self, file: Keep[Ptr[File]], header: Keep[Ptr[MessageHeader]], flags: Keep[U32]
    ) -> OrErrno[I64]:
        """Send what `header` describes."""
        segments, message, result = local(UserSegments), local(SocketMessage), keep(I64)
        socket = self.sockets.of(file)
        self.sockets.begin_call(address_of(message), file, socket.send_timeout)
        or_(message.flags, flags)
        mov(message.name.length, 0)
        with if_(header.name_length != 0):
            place, size = cast(header.name, User[U8]), header.name_length
            try_(self.addresses.fetch(address_of(message.name), place, size))
        place = cast(header.list, User[U8])
        try_(self.vectors.take(address_of(segments), place, u32(header.count)))
        lea(rax, segments.vector)
        mov(message.vector, cast(rax, Ptr[IoVector]))
        place = cast(header.control, User[U8])
        mov(result, self.controls.take(address_of(message), place, header.control_length))
        with if_(result == 0):
            socket = self.sockets.of(file)
            operations = scratch(socket.operations)
            mov(result, operations.send(socket, address_of(message)))
        self._drop_rest(address_of(message))
        self.heap.free(segments.allocated)
        ret(result)

    @function(context="thread", sleeps=True)
    def _drop_rest(self, message: Ptr[SocketMessage]) -> None:
        """Close the files that `message` still has."""
        passed = scratch(OrNull[Ptr[PassedFiles]])
        xor(u32(passed), u32(passed))
        # Taken out, so that it is dropped once
        xchg(message.passed, passed)
        with if_(passed != 0):
            tail(self.passed.discard, passed)

    @function(context="thread", sleeps=True)
    def recvmsg(self, number: U32, place: Keep[User[U8]], flags: Keep[U32]) -> OrErrno[I64]:
        """Receive a message by the socket `number`, as the header at `place` describes, which is
        completed."""
        result = keep(I64)
        fail_if(flags & OF_KERNEL, Errno.EINVAL)
        failed, found = self.known.get(number)
        with if_(found == 0):
            ret(failed)
        ignore(failed, "there is a socket")
        file = keep(found)
        mov(result, self._receive_message(file, place, flags))
        self.files.drop(file)
        ret(result)

    @function(context="thread", sleeps=True)
    def _receive_message(
        self, file: Keep[Ptr[File]], place: Keep[User[U8]], flags: Keep[U32]
    ) -> OrErrno[I64]:
        """Receive as the header at `place` describes, and complete that."""
        segments, message, result = local(UserSegments), local(SocketMessage), keep(I64)
        header = local(MessageHeader)
        try_(self._take_header(address_of(header), place))
        list = cast(header.list, User[U8])
        try_(self.vectors.take(address_of(segments), list, u32(header.count)))
        lea(rax, segments.vector)
        mov(message.vector, cast(rax, Ptr[IoVector]))
        xor(eax, eax)
        with if_(header.name != 0):
            inc(eax)
        mov(result, self._receive(file, address_of(message), flags, eax))
        self.heap.free(segments.allocated)
        with if_(result < 0):
            self._drop_rest(address_of(message))
            ret(result)
        try_(self._complete(file, address_of(message), address_of(header), place))
        ret(result)

    @function(context="thread", sleeps=True)
    def _complete(
        self,
        file: Ptr[File],
        message: Keep[Ptr[SocketMessage]],
        header: Keep[Ptr[MessageHeader]],
        place: Keep[User[U8]],
    ) -> OrErrno[I64]:
        """Store what has come with `message` where `header` says, and complete that at `place`.
        Returns 0 or -EFAULT."""
        room, socket = local(ControlRoom), self.sockets.of(file)
        mov(rax, header.control)
        mov(room.place, rax)
        mov(rcx, header.control_length)
        with if_(rax == 0):
            xor(ecx, ecx)
        mov(room.left, rcx)
        mov(eax, socket.flags)
        and_(eax, SocketFlag.PASS_CREDENTIALS)
        self.stores.store(message, address_of(room), eax)
        with if_(header.name != 0):
            target, size = cast(header.name, User[U8]), header.name_length
            try_(self.addresses.store_bounded(address_of(message.name), target, size))
            mov(eax, message.name.length)
            mov(header.name_length, eax)
        mov(rax, room.place)
        sub(rax, header.control)
        with if_(header.control == 0):
            xor(eax, eax)
        # How much was used, as a program goes through it by that
        mov(header.control_length, rax)
        mov(eax, message.told)
        mov(ecx, message.flags)
        and_(ecx, SocketMessageFlag.CLOSE_ON_EXEC)
        or_(eax, ecx)
        mov(header.flags, eax)
        self.copy.copy_out_all(place, u64(header), sizeof(MessageHeader))
        ret(0)

    # Several messages

    @function(context="thread", sleeps=True)
    def sendmmsg(
        self, number: U32, place: Keep[User[U8]], count: Keep[U32], flags: Keep[U32]
    ) -> OrErrno[I64]:
        """Send `count` messages that the headers at `place` describe, and store in these how many
        bytes went. Returns how many were sent; an error if none was."""
        sent, socket, result = keep(I64), local(U32), local(I64)
        mov(socket, number)
        xor(u32(sent), u32(sent))
        with if_(count > MOST_MESSAGES):
            mov(count, MOST_MESSAGES)
        with while_(u32(sent) < count):
            mov(result, self.sendmsg(socket, place, flags))
            with if_(result >= 0):
                mov(result, self._count_bytes(place, u32(result)))
            with if_(result < 0):
                with if_(sent == 0):
                    ret(result)
                break_()
            add(u64(place), sizeof(CountedHeader))
            inc(sent)
        ret(sent)

    @function(context="thread", sleeps=True)
    def _count_bytes(self, place: User[U8], bytes: U32) -> OrErrno[I64]:
        """Store how many bytes the message at `place` has. Returns 0 or -EFAULT."""
        lea(rdi, bare[u64(place) + offsetof(CountedHeader, "length")])
        tail(self.copy.copy_out_word, cast(rdi, User[U8]), bytes)

    @function(context="thread", sleeps=True)
    def recvmmsg(
        self,
        number: U32,
        place: User[U8],
        count: Keep[U32],
        flags: U32,
        timeout: Keep[User[U8]],
    ) -> OrErrno[I64]:
        """Receive `count` messages at most, as the headers at `place` describe, until the time at
        `timeout` has passed, which is looked at after each, unless that is null; with WAIT_FOR_ONE,
        nobody waits for any but the first. Returns how many came; an error if none did."""
        series, result = local(MessageSeries), keep(I64)
        mov(series.number, number)
        mov(series.place, place)
        mov(series.flags, flags)
        with if_(count > MOST_MESSAGES):
            mov(count, MOST_MESSAGES)
        mov(series.left, count)
        mov(rax, FOREVER)
        mov(series.deadline, cast(rax, Nanoseconds))
        with if_(u64(timeout) != 0):
            try_(self.times.deadline(timeout, address_of(series.deadline)))
        mov(result, self._receive_series(address_of(series)))
        with if_((result > 0) & (u64(timeout) != 0)):
            self.times.store_left(timeout, series.deadline, 1)
        ret(result)

    @function(context="thread", sleeps=True)
    def _receive_series(self, series: Keep[Ptr[MessageSeries]]) -> OrErrno[I64]:
        """Receive several messages. Returns how many; an error if there are none."""
        received, result = keep(I64), keep(I64)
        xor(u32(received), u32(received))
        with while_(series.left != 0):
            mov(eax, series.flags)
            and_(eax, ~int(SocketMessageFlag.WAIT_FOR_ONE))
            mov(result, self.recvmsg(series.number, series.place, eax))
            with if_(result >= 0):
                mov(result, self._count_bytes(series.place, u32(result)))
            with if_(result < 0):
                with if_(received == 0):
                    ret(result)
                break_()
            inc(received)
            dec(series.left)
            add(u64(series.place), sizeof(CountedHeader))
            with if_(series.flags & SocketMessageFlag.WAIT_FOR_ONE):
                or_(series.flags, SocketMessageFlag.DONT_WAIT)
            now = self.clock.now()
            break_if(u64(now) >= u64(series.deadline))
        ret(received)
