"""Options of sockets."""

from __future__ import annotations

from enum import IntEnum

from kernel.clock.units import NSEC_PER_SEC, Nanoseconds
from kernel.errno import Errno
from kernel.net.socket import BUFFER_SIZE, Socket, SocketFlag, SocketRequest
from kernel.net.socketmessage import SocketIdentity
from kernel.process.usertimes import MICROSECOND, TimeVal, UserTimes
from kernel.sched.waiting import FOREVER
from kernel.sync.pollqueue import WRITABLE
from kernel.sync.pollqueues import PollQueues
from kernel.vm.usercopy import UserCopy
from pykasm import *


class SocketOption(IntEnum):
    """Options at `SOCKET_LEVEL` (include/uapi/asm-generic/socket.h)."""

    REUSEADDR = 2
    TYPE = 3
    ERROR = 4
    DONTROUTE = 5
    BROADCAST = 6
    SNDBUF = 7
    RCVBUF = 8
    KEEPALIVE = 9
    OOBINLINE = 10
    LINGER = 13
    REUSEPORT = 15
    PASSCRED = 16
    PEERCRED = 17
    RCVLOWAT = 18
    SNDLOWAT = 19
    RCVTIMEO = 20
    SNDTIMEO = 21
    TIMESTAMP = 29
    ACCEPTCONN = 30
    PROTOCOL = 38
    DOMAIN = 39


FLAGS = {
    SocketOption.REUSEADDR: SocketFlag.REUSE_ADDRESS,
    SocketOption.DONTROUTE: SocketFlag.DONT_ROUTE,
    SocketOption.BROADCAST: SocketFlag.BROADCAST,
    SocketOption.KEEPALIVE: SocketFlag.KEEP_ALIVE,
    SocketOption.OOBINLINE: SocketFlag.INLINE_OUT_OF_BAND,
    SocketOption.REUSEPORT: SocketFlag.REUSE_PORT,
    SocketOption.PASSCRED: SocketFlag.PASS_CREDENTIALS,
    SocketOption.TIMESTAMP: SocketFlag.TIMESTAMP,
}
"""Those that are on or off."""

NUMBERS = {
    SocketOption.TYPE: "type",
    SocketOption.PROTOCOL: "protocol",
    SocketOption.DOMAIN: "family",
    SocketOption.SNDBUF: "send_buffer",
    SocketOption.RCVBUF: "receive_buffer",
    SocketOption.RCVLOWAT: "low_water",
}
"""Those that are fields of `Socket`."""

MOST_LOW_WATER = 0x7FFF_FFFF

LEAST_SEND_BUFFER = 4608
LEAST_RECEIVE_BUFFER = 2304
"""Bytes that SNDBUF and RCVBUF leave at least, and twice as many as they are asked for, as the
records that the kernel needs count, too (socket(7))."""


class OptionValue(Union):
    """The value of an option."""

    words: Array[U64] = field(count=2)
    identity: SocketIdentity


class SocketOptions(Subsystem):
    """Sets and tells them. Context: thread."""

    def __init__(self, times: UserTimes, queues: PollQueues, copy: UserCopy) -> None:
        self.times = times
        self.queues = queues
        self.copy = copy

    # Setting

    @function(context="thread", sleeps=True)
    def set(
        self,
        socket: Keep[Ptr[Socket]],
        option: Keep[U32],
        place: Keep[Fetched[User[U8]]],
        length: U32,
    ) -> OrErrno[I64]:
        """Set an `option` of `socket` to the value of a `length` at `place`. Returns 0, -EINVAL,
        -EFAULT, -EDOM, or -ENOPROTOOPT if there is no such option, or it can't be set."""
        value = local(U64)
        fail_if(i32(length) < sizeof(U32), Errno.EINVAL)
        mov(value, 0)
        with switch(option):
            with case(SocketOption.LINGER):
                fail_if(length < sizeof(U64), Errno.EINVAL)
                try_(self._fetch(address_of(value), place, sizeof(U64)))
                mov(rax, value)
                mov(socket.linger, rax)
                ret(0)
            with case(SocketOption.RCVTIMEO):
                tail(self._set_timeout, address_of(socket.receive_timeout), place, length)
            with case(SocketOption.SNDTIMEO):
                tail(self._set_timeout, address_of(socket.send_timeout), place, length)
        try_(self._fetch(address_of(value), place, sizeof(U32)))
        tail(self._set_number, socket, option, u32(value))

    @function(context="thread", sleeps=True)
    def _fetch(self, value: Ptr[U64], place: Fetched[User[U8]], size: Bounded[U64]) -> OrErrno[I64]:
        """Copy a `value` of a `size` from the program. Returns 0 or -EFAULT."""
        self.copy.copy_in_all(u64(value), place, size)
        ret(0)

    @function(context="thread", sleeps=True)
    def _set_timeout(
        self, timeout: Keep[Ptr[Nanoseconds]], place: Fetched[User[U8]], length: U32
    ) -> OrErrno[I64]:
        """Set a time that calls wait: none is for ever."""
        span = local(Nanoseconds)
        fail_if(length < sizeof(TimeVal), Errno.EINVAL)
        failed = self.times.take_microseconds(place, address_of(span))
        with if_(failed == -Errno.EINVAL):
            ret(-Errno.EDOM)
        with if_(failed != 0):
            ret(failed)
        mov(rax, span)
        with if_(rax == 0):
            mov(rax, FOREVER)
        mov(at(timeout), cast(rax, Nanoseconds))
        ret(0)

    @function
    def _set_number(self, socket: Ptr[Socket], option: U32, value: U32) -> OrErrno[I64]:
        """Set an option that is a number. Returns 0 or -ENOPROTOOPT."""
        socket, value = scratch(socket), scratch(value)
        with switch(option):
            for one, flag in FLAGS.items():
                with case(one):
                    lock.and_(socket.flags, ~int(flag))
                    with if_(value != 0):
                        lock.or_(socket.flags, int(flag))
                    ret(0)
            with case(SocketOption.SNDBUF):
                self._double(value, LEAST_SEND_BUFFER)
                mov(socket.send_buffer, value)
                self.queues.announce(address_of(socket.queue), WRITABLE)
            with case(SocketOption.RCVBUF):
                self._double(value, LEAST_RECEIVE_BUFFER)
                mov(socket.receive_buffer, value)
            with case(SocketOption.RCVLOWAT):
                with if_(i32(value) < 0):
                    mov(value, MOST_LOW_WATER)
                with if_(value == 0):
                    inc(value)
                mov(socket.low_water, value)
            with default():
                ret(-Errno.ENOPROTOOPT)
        ret(0)

    @inline(changes="value")
    def _double(self, value: U32, least: int) -> None:
        """Make a number of bytes, a register, what a buffer has room for."""
        with if_(value > BUFFER_SIZE):
            mov(value, BUFFER_SIZE)
        add(value, value)
        with if_(value < least):
            mov(value, least)

    # Telling

    @function(context="thread", sleeps=True)
    def get(
        self,
        socket: Keep[Ptr[Socket]],
        option: Keep[U32],
        place: Keep[User[U8]],
        size: Keep[Fetched[User[U8]]],
    ) -> OrErrno[I64]:
        """Store the value of an `option` of `socket` at `place`, as far as there is room, which is
        at `size`; there its size is stored. Returns 0, -EINVAL, -EFAULT or -ENOPROTOOPT."""
        room, value = local(U64), local(OptionValue)
        mov(room, 0)
        try_(self._fetch(address_of(room), size, sizeof(U32)))
        fail_if(i32(u32(room)) < 0, Errno.EINVAL)
        length = try_(self._get(socket, option, address_of(value)))
        with if_(u64(length) > room):
            mov(u64(length), room)
        stored = keep(u32(length))
        self.copy.copy_out_all(place, address_of(value), u64(stored))
        tail(self.copy.copy_out_word, size, stored)

    @function
    def _get(self, socket: Ptr[Socket], option: U32, value: Keep[Ptr[OptionValue]]) -> OrErrno[I64]:
        """Store the value of an option. Returns how long it is, or -ENOPROTOOPT."""
        socket, option = keep(socket), scratch(option)
        mov(value.words[0], 0)
        mov(value.words[1], 0)
        with switch(option):
            with case(SocketOption.LINGER):
                mov(rax, socket.linger)
                mov(value.words[0], rax)
                ret(sizeof(U64))
            with case(SocketOption.RCVTIMEO):
                tail(self._get_timeout, socket.receive_timeout, value)
            with case(SocketOption.SNDTIMEO):
                tail(self._get_timeout, socket.send_timeout, value)
            with case(SocketOption.PEERCRED):
                value.identity.copy_from(socket.peer_identity)
                ret(sizeof(SocketIdentity))
        number = try_(self._number_of(socket, option))
        mov(value.words[0], u64(number))
        ret(sizeof(U32))

    @function
    def _get_timeout(self, timeout: Nanoseconds, value: Ptr[OptionValue]) -> OrErrno[I64]:
        """Store a time that calls wait. Returns how long the value is."""
        value = scratch(value)
        mov(rax, FOREVER)
        with if_(timeout != rax):
            mov(rax, u64(timeout))
            xor(edx, edx)
            mov(ecx, NSEC_PER_SEC)
            div(rcx)
            mov(value.words[0], rax)
            mov(rax, rdx)
            xor(edx, edx)
            mov(ecx, MICROSECOND)
            div(rcx)
            mov(value.words[1], rax)
        ret(sizeof(TimeVal))

    @function
    def _number_of(self, socket: Ptr[Socket], option: U32) -> OrErrno[I64]:
        """Return the value of an option that is a number; -ENOPROTOOPT if there is none."""
        socket = scratch(socket)
        xor(eax, eax)
        with switch(option):
            for one, flag in FLAGS.items():
                with case(one), if_(socket.flags & flag):
                    inc(eax)
            with case(SocketOption.SNDLOWAT):
                inc(eax)
            with case(SocketOption.ERROR):
                xchg(socket.error, eax)
            with case(SocketOption.ACCEPTCONN):
                operations = scratch(socket.operations)
                told = operations.control(socket, SocketRequest.IS_LISTENING)
                ret(told)
            for one, name in NUMBERS.items():
                with case(one):
                    mov(eax, getattr(socket, name))
            with default():
                ret(-Errno.ENOPROTOOPT)
        ret(rax)
