"""E010: a register is read that some path never wrote."""

from pykasm import *


class Broken(Subsystem):
    """Gives a value on one path only."""

    @function
    def run(self, key: U64) -> U64:
        """Count from ten for odd keys."""
        with if_(key & 1):
            mov(ecx, 10)
        ret(rcx)


class Mended(Subsystem):
    """Gives a value on every path."""

    @function
    def run(self, key: U64) -> U64:
        """Count from ten for odd keys."""
        xor(ecx, ecx)
        with if_(key & 1):
            mov(ecx, 10)
        ret(rcx)
