"""Sockets as open files."""

from __future__ import annotations

from kernel.clock.units import Nanoseconds
from kernel.errno import Errno
from kernel.fs.anonymousfiles import AnonymousFiles
from kernel.fs.credentials import Credentials
from kernel.fs.file import File, FileKindFlag, FileOperations
from kernel.fs.filedefaults import FileDefaults
from kernel.fs.inode import Inode
from kernel.fs.iovector import IoVector
from kernel.fs.mode import ALL_ACCESS, FileType
from kernel.fs.openflag import OpenFlag
from kernel.net.passedfilestore import PassedFileStore
from kernel.net.socket import BUFFER_SIZE, Socket, SocketRequest, SocketType
from kernel.net.socketmessage import SocketMessage, SocketMessageFlag
from kernel.net.socketreferences import SocketReferences
from kernel.net.socketwaits import SocketWaits
from kernel.sched.waiting import FOREVER
from kernel.sync.pollqueue import Watcher
from kernel.vm.usercopy import UserCopy
from pykasm import *

NOBODY = 0xFFFF_FFFF
"""The user, and the group, of the other end where there is none."""


class Sockets(Subsystem):
    """Opens them, and does what is done with their files. Context: thread."""

    def __init__(
        self,
        defaults: FileDefaults,
        anonymous: AnonymousFiles,
        references: SocketReferences,
        waits: SocketWaits,
        passed: PassedFileStore,
        copy: UserCopy,
    ) -> None:
        self.anonymous = anonymous
        self.references = references
        self.waits = waits
        self.passed = passed
        self.copy = copy
        self.operations = rodata(
            FileOperations,
            defaults.table(
                flags=FileKindFlag.STREAM,
                open=self.join,
                release=self.release,
                read=self.read,
                write=self.write,
                poll=self.poll,
                control=self.control,
            ),
        )

    @inline(changes=rax)
    def prepare(self, socket: Ptr[Socket]) -> None:
        """Fill in what new sockets have, in memory that is all zero."""
        socket.references.start()
        mov(socket.send_buffer, BUFFER_SIZE)
        mov(socket.receive_buffer, BUFFER_SIZE)
        mov(socket.low_water, 1)
        mov(rax, FOREVER)
        mov(socket.send_timeout, cast(rax, Nanoseconds))
        mov(socket.receive_timeout, cast(rax, Nanoseconds))
        mov(socket.peer_identity.user, NOBODY)
        mov(socket.peer_identity.group, NOBODY)

    @function(context="thread", sleeps=True)
    def open(
        self, socket: Keep[Owned[Ptr[Socket]]], flags: U32, credentials: Ptr[Credentials]
    ) -> Owned[OrNull[Ptr[File]]]:
        """Return the open file of `socket`, by `OpenFlag`s; or null without memory, and the socket
        has ended."""
        errdefer(self.end, socket)
        or_(flags, OpenFlag.READ_WRITE)
        mode = FileType.SOCKET | ALL_ACCESS
        operations = address_of(self.operations)
        file = scratch(try_(self.anonymous.open_typed(mode, operations, flags, credentials)))
        mov(file.private, u64(socket))
        mov(socket.file, file)
        disown(socket, "its file has it")
        ret(file)

    @function(context="thread", sleeps=True)
    def end(self, socket: Keep[Owned[Ptr[Socket]]]) -> None:
        """End `socket`, which has no file any more, and drop the reference of that."""
        operations = scratch(socket.operations)
        operations.release(socket)
        self.references.drop(socket)

    @function(context="thread")
    def join(self, inode: Ptr[Inode], file: Ptr[File]) -> OrErrno[I32]:
        """Open the file of a new socket, as `OpenFile` says; -ENXIO for one that has its file:
        there is no other way to it."""
        mov(eax, 1)
        xchg(inode.private, rax)
        fail_if(rax != 0, Errno.ENXIO)
        ret(0)

    @inline(changes=rax)
    def is_socket(self, file: Ptr[File]) -> Condition:
        """Return whether `file` is that of a socket."""
        lea(rax, self.operations)
        return u64(file.operations) == rax

    @inline
    def of(self, file: Ptr[File]) -> Ptr[Socket]:
        """Return the socket of its `file`, in a scratch register."""
        return scratch(cast(file.private, Ptr[Socket]))

    @function(context="thread")
    def release(self, file: Ptr[File]) -> None:
        """End the socket of `file`, as `ReleaseFile` says."""
        socket = self.of(file)
        take_over(socket, "its file had it")
        tail(self.end, socket)

    @function(context="thread", sleeps=True)
    def read(
        self, file: Keep[Ptr[File]], vector: Keep[Ptr[IoVector]], position: Ptr[U64]
    ) -> OrErrno[I64]:
        """Receive, as `ReadFile` says."""
        message, socket = local(SocketMessage), keep(self.of(file))
        with if_(vector.left == 0):
            ret(0)
        mov(message.vector, vector)
        mov(message.name.length, 0)
        self.begin_call(address_of(message), file, socket.receive_timeout)
        operations = scratch(socket.operations)
        done = keep(operations.receive(socket, address_of(message)))
        passed = scratch(message.passed)
        with if_(passed != 0):  # nobody asks for files that come with the bytes
            take_over(passed, "the message had it")
            self.passed.discard(passed)
        ret(done)

    @function(context="thread", sleeps=True)
    def write(
        self, file: Keep[Ptr[File]], vector: Keep[Ptr[IoVector]], position: Ptr[U64]
    ) -> OrErrno[I64]:
        """Send, as `WriteFile` says."""
        message, socket = local(SocketMessage), keep(self.of(file))
        mov(message.vector, vector)
        mov(message.name.length, 0)
        self.begin_call(address_of(message), file, socket.send_timeout)
        with if_(socket.type == SocketType.SEQUENCED):
            or_(message.flags, SocketMessageFlag.END_OF_RECORD)
        operations = scratch(socket.operations)
        done = operations.send(socket, address_of(message))
        ret(done)

    @function
    def begin_call(
        self, message: Ptr[SocketMessage], file: Ptr[File], timeout: Nanoseconds
    ) -> None:
        """Prepare `message` for a call for `file` that waits as long as `timeout`, if it waits.
        Vector and name are left."""
        mov(message.flags, 0)
        with if_(file.flags & OpenFlag.NONBLOCK):
            mov(message.flags, SocketMessageFlag.DONT_WAIT)
        mov(message.told, 0)
        mov(message.wants_address, 0)
        mov(message.has_identity, 0)
        mov(message.passed, 0)
        tail(self.waits.set_deadline, message, timeout)

    @function(context="thread", sleeps=True)
    def poll(self, file: Ptr[File], watcher: OrNull[Ptr[Watcher]]) -> U32:
        """Return what is possible, as `PollFile` says."""
        socket = self.of(file)
        operations = scratch(socket.operations)
        events = operations.poll(socket, watcher)
        ret(events)

    @function(context="thread", sleeps=True)
    def control(self, file: Ptr[File], request: U32, argument: Keep[U64]) -> OrErrno[I64]:
        """Store what a `SocketRequest` asks for, as `ControlFile` says."""
        fail_if(request == SocketRequest.IS_LISTENING, Errno.ENOTTY)
        socket, request = self.of(file), scratch(request)
        operations = scratch(socket.operations)
        told = operations.control(socket, request)
        with if_(told < 0):
            ret(told)
        tail(self.copy.copy_out_word, cast(argument, User[U8]), u32(told))
