"""System calls that tell of the system, and give what it has."""

from __future__ import annotations

from kernel.errno import Errno
from kernel.fs.chacha import KEY_WORDS
from kernel.fs.randomness import Randomness
from kernel.vm.usercopy import UserCopy
from pykasm import *

FIELD = 65
"""Bytes of each text of `uname`, with its end."""

NAMES = (b"Linux", b"(none)", b"6.1.0", b"#1 SMP pykasm", b"x86_64", b"(none)")
"""System, node, release, version, machine, domain. The release is that of the Linux whose calls
these are, as programs compare it with what they need."""

RANDOM_FLAGS = 0x7
"""GRND_NONBLOCK, GRND_RANDOM, GRND_INSECURE (include/uapi/linux/random.h)."""

RANDOM, INSECURE = 0x2, 0x4

PIECE = KEY_WORDS * sizeof(U32)
"""Random bytes that come at once."""

MOST = 0x7FFF_F000
"""Bytes that a call gives at most."""


class NamingCalls(Subsystem):
    """Each method is what Linux does for the call of its name (man-pages, section 2)."""

    def __init__(self, randomness: Randomness, copy: UserCopy) -> None:
        self.randomness = randomness
        self.copy = copy
        data = b"".join(name.ljust(FIELD, b"\0") for name in NAMES)
        self.names = rodata(U8 * len(data), list(data))

    @function(context="thread", sleeps=True)
    def uname(self, place: User[U8]) -> OrErrno[I64]:
        """Store how the system is called."""
        lea(rsi, self.names)
        result, left = self.copy.copy_out(place, rsi, FIELD * len(NAMES))
        ignore(left)
        movsxd(rax, result)
        ret(rax)

    @function(context="thread", sleeps=True)
    def getrandom(self, place: Keep[User[U8]], length: Keep[U64], flags: U32) -> OrErrno[I64]:
        """Store random bytes. Return how many."""
        bytes, chunk, total = local(U8 * PIECE), keep(U64), keep(U64)
        fail_if(flags & ~RANDOM_FLAGS, Errno.EINVAL)
        and_(flags, RANDOM | INSECURE)
        fail_if(flags == RANDOM | INSECURE, Errno.EINVAL)
        with if_(length > MOST):
            mov(length, MOST)
        xor(u32(total), u32(total))
        with while_(length != 0):
            self.randomness.next_block(address_of(bytes))
            mov(chunk, PIECE)
            with if_(chunk > length):
                mov(chunk, length)
            result, left = self.copy.copy_out(place, address_of(bytes), chunk)
            ignore(result, "that bytes were not copied says it")
            sub(chunk, left)
            add(total, chunk)
            add(u64(place), chunk)
            sub(length, chunk)
            break_if(left != 0)
        fail_if((total == 0) & (length != 0), Errno.EFAULT)
        ret(i64(total))
