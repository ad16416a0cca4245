"""Addresses of sockets, in programs' memory."""

from __future__ import annotations

from kernel.errno import Errno
from kernel.net.socketaddress import ADDRESS_SIZE, StoredAddress
from kernel.vm.usercopy import UserCopy
from pykasm import *


class AddressCopies(Subsystem):
    """Copies them in and out. Context: thread."""

    def __init__(self, copy: UserCopy) -> None:
        self.copy = copy

    @function(context="thread", sleeps=True)
    def fetch(
        self, name: Keep[Ptr[StoredAddress]], place: Fetched[User[U8]], length: U32
    ) -> OrErrno[I64]:
        """Copy the address of a `length` at `place`. Returns 0, -EINVAL or -EFAULT."""
        fail_if(length > ADDRESS_SIZE, Errno.EINVAL)
        mov(name.length, length)
        mov(name.address.family, 0)
        mov(eax, length)
        self.copy.copy_in_all(address_of(name.address), place, rax)
        ret(0)

    @function(context="thread", sleeps=True)
    def store(
        self, name: Keep[Ptr[StoredAddress]], place: User[U8], length: Keep[Fetched[User[U8]]]
    ) -> OrErrno[I64]:
        """Copy an address to `place`, as far as there is room, which is at `length`; there its own
        length is stored. Returns 0, -EINVAL or -EFAULT."""
        place, room = keep(place), local(U32)
        self.copy.copy_in_all(address_of(room), length, sizeof(U32))
        fail_if(i32(room) < 0, Errno.EINVAL)
        try_(self.store_bounded(name, place, room))
        tail(self.copy.copy_out_word, length, name.length)

    @function(context="thread", sleeps=True)
    def store_bounded(
        self, name: Ptr[StoredAddress], place: User[U8], room: Untrusted[U32]
    ) -> OrErrno[I64]:
        """Copy an address to `place`, as far as there is `room`. Returns 0 or -EFAULT."""
        mov(eax, name.length)
        with if_(eax > ADDRESS_SIZE):
            mov(eax, ADDRESS_SIZE)
        with if_(eax > room):
            mov(eax, room)
        self.copy.copy_out_all(place, address_of(name.address), rax)
        ret(0)
