"""E026: a local is read that some path never wrote."""

from pykasm import *


class Broken(Subsystem):
    """Gives the local a value on one path only."""

    @function
    def run(self, key: U64) -> U64:
        """Return how many bits of an odd key are 1, else 0."""
        bits = local(U64)
        with if_(key & 1):
            mov(bits, 0)
            with while_(key != 0):
                inc(bits)
                blsr(key, key)
        ret(bits)


class Mended(Subsystem):
    """Gives the local a value on every path."""

    @function
    def run(self, key: U64) -> U64:
        """Return how many bits of an odd key are 1, else 0."""
        bits = local(U64)
        mov(bits, 0)
        with if_(key & 1), while_(key != 0):
            inc(bits)
            blsr(key, key)
        ret(bits)
