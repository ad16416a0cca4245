"""What all types of Unix sockets do to receive."""

from __future__ import annotations

from kernel.errno import Errno
from kernel.net.inflight import InFlight
from kernel.net.passedfiles import PassedFiles
from kernel.net.passedfilestore import PassedFileStore
from kernel.net.socketbuffer import SocketBuffer
from kernel.net.socketmessage import SocketMessage, SocketMessageFlag
from kernel.net.unixaddresses import UnixAddresses
from kernel.net.unixsocket import UnixSocket
from pykasm import *


class UnixReceiving(Subsystem):
    """Fills in what comes beside the bytes of a message. Context: thread."""

    def __init__(
        self, in_flight: InFlight, passed: PassedFileStore, addresses: UnixAddresses
    ) -> None:
        self.in_flight = in_flight
        self.passed = passed
        self.addresses = addresses

    @function(context="thread", sleeps=True)
    def take_files(
        self,
        receiver: Keep[Ptr[UnixSocket]],
        message: Keep[Ptr[SocketMessage]],
        buffer: Keep[Ptr[SocketBuffer]],
    ) -> OrErrno[I64]:
        """Give `message` the files that come with `buffer`, which loses them unless it is only
        looked at. Returns 0 or -ENOMEM. Context: `reading` of the receiver is held."""
        passed = keep(OrNull[Ptr[PassedFiles]])
        with if_(buffer.passed == 0):
            ret(0)
        with if_(message.flags & SocketMessageFlag.PEEK):
            tail(self._copy_files, message, buffer)
        xor(u32(passed), u32(passed))
        with receiver.lock.held():
            xchg(buffer.passed, passed)
        with if_(passed != 0):
            self.in_flight.end(passed)
            mov(message.passed, passed)
        ret(0)

    @function(context="thread", sleeps=True)
    def _copy_files(
        self, message: Keep[Ptr[SocketMessage]], buffer: Ptr[SocketBuffer]
    ) -> OrErrno[I64]:
        """Give `message` the files that come with `buffer`, which keeps them. Returns 0 or
        -ENOMEM."""
        passed = scratch(buffer.passed)
        asserts(passed != 0)  # callers have looked
        mov(message.passed, try_(self.passed.copy(passed), Errno.ENOMEM))
        ret(0)

    @function
    def tell_sender(self, message: Ptr[SocketMessage], buffer: Ptr[SocketBuffer]) -> None:
        """Fill in who has sent `buffer`, if that is asked for; once."""
        with if_(message.wants_address == 0):
            ret()
        mov(message.wants_address, 0)
        sender = scratch(cast(buffer.sender, Ptr[UnixSocket]))
        place = scratch(address_of(message.name))
        with if_(sender.name == 0):
            mov(message.name.length, 0)
            ret()
        tail(self.addresses.tell, sender.name, place)
