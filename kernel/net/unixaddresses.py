"""The lives of names of Unix sockets."""

from __future__ import annotations

from kernel.debug.leakcheck import LeakChecks, leak_check
from kernel.errno import Errno
from kernel.mm.slabs import SlabCache, Slabs
from kernel.net.socketaddress import AddressFamily, StoredAddress
from kernel.net.unixaddress import ADDRESS_MOST, HEAD, UnixAddress
from pykasm import *

FNV_PRIME = 0x0100_0193
FNV_BASIS = 0x811C_9DC5
"""Of the hash of names: FNV-1a, 32 bits (Fowler, Noll and Vo)."""

AUTOBIND_DIGITS = 5
"""Of names that the kernel chooses (unix(7))."""


class UnixAddresses(LeakChecks):
    """Makes them of what programs say, and frees them. Context: any."""

    count = bss(U64)

    def __init__(self, slabs: Slabs) -> None:
        self.records = SlabCache(slabs, "Unix socket name", UnixAddress)
        self.leak_checks = [leak_check("Unix socket names", self.used_count)]

    @function
    def used_count(self) -> U64:
        """Return how many there are."""
        ret(self.count)

    @function
    def take(
        self, name: Keep[Ptr[StoredAddress]]
    ) -> tuple[OrErrno[I64], Owned[OrNull[Ptr[UnixAddress]]]]:
        """Return 0 and the name that the address `name` has; or -EINVAL for an address of another
        form, or -ENOMEM, and null."""
        mov(eax, name.length)
        with if_((eax <= HEAD) | (eax > ADDRESS_MOST)):
            ret(-Errno.EINVAL, 0)
        with if_(name.address.family != AddressFamily.UNIX):
            ret(-Errno.EINVAL, 0)
        made = scratch(self._create())
        with if_(made == 0):
            ret(-Errno.ENOMEM, 0)
        mov(ecx, name.length)
        mov(made.length, ecx)
        sub(ecx, HEAD)
        source, target = scratch(address_of(name.address.bytes)), scratch(address_of(made.bytes))
        xor(edx, edx)
        with while_(ecx != edx):
            mov(al, source[rdx])
            mov(target[rdx], al)
            inc(edx)
        mov(target[rdx], 0)
        release(source, target)
        self._measure(made)
        ret(0, made)

    @function
    def _create(self) -> Owned[OrNull[Ptr[UnixAddress]]]:
        """Return a record of which nothing but the family is filled in; or null."""
        made = scratch(try_(self.records.allocate()))
        made.references.start()
        mov(made.family, AddressFamily.UNIX)
        lock.inc(self.count)
        ret(made)

    @function(clobbers=(rax, rcx, rdx))
    def _measure(self, address: Ptr[UnixAddress]) -> None:
        """Fill in the hash of a name, and the length of one that ends at its first zero."""
        mov(ecx, address.length)
        sub(ecx, HEAD)
        with if_(address.bytes[0] != 0):
            xor(ecx, ecx)
            with while_(address.bytes[rcx] != 0):
                inc(ecx)
            lea(eax, bare[rcx + HEAD + 1])
            mov(address.length, eax)
        mov(eax, FNV_BASIS)
        with while_(ecx != 0):
            dec(ecx)
            movzx(edx, address.bytes[rcx])
            xor(eax, edx)
            imul(eax, eax, FNV_PRIME)
        mov(address.hash, eax)

    @function
    def make_numbered(self, number: Keep[U32]) -> Owned[OrNull[Ptr[UnixAddress]]]:
        """Return the abstract name of the hexadecimal digits of `number`; or null."""
        made = scratch(try_(self._create()))
        mov(made.bytes[0], 0)
        mov(ecx, AUTOBIND_DIGITS)
        with while_(ecx != 0):
            mov(eax, number)
            and_(eax, 0xF)
            add(eax, ord("0"))
            with if_(eax > ord("9")):
                add(eax, ord("a") - ord("9") - 1)
            mov(made.bytes[rcx], al)
            shr(number, 4)
            dec(ecx)
        mov(made.length, HEAD + 1 + AUTOBIND_DIGITS)
        self._measure(made)
        ret(made)

    @function
    def is_same(self, first: Ptr[UnixAddress], second: Ptr[UnixAddress]) -> Bool:
        """Return whether both are the same name."""
        mov(ecx, first.length)
        fail_if(ecx != second.length)
        sub(ecx, HEAD)
        with while_(ecx != 0):
            dec(ecx)
            mov(al, first.bytes[rcx])
            fail_if(al != second.bytes[rcx])
        ret(True)

    @function
    def tell(self, address: OrNull[Ptr[UnixAddress]], name: Ptr[StoredAddress]) -> None:
        """Make `name` the address that `address` is, or that of a socket without a name."""
        mov(name.length, HEAD)
        mov(name.address.family, AddressFamily.UNIX)
        with if_(address == 0):
            ret()
        mov(ecx, address.length)
        mov(name.length, ecx)
        sub(ecx, HEAD)
        with while_(ecx != 0):
            dec(ecx)
            mov(al, address.bytes[rcx])
            mov(name.address.bytes[rcx], al)

    @function
    def drop(self, address: Owned[Ptr[UnixAddress]]) -> None:
        """Drop a reference to a name."""
        with if_(address.references.drop()):
            tail(self.free, address)

    @function
    def free(self, address: Owned[Ptr[UnixAddress]]) -> None:
        """Free a name that nobody has any more."""
        self.records.free(address)
        lock.dec(self.count)
