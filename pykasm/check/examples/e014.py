"""E014: a callee-saved register is not restored on some path."""

from pykasm import *


class Broken(Subsystem):
    """Takes rbx as it comes."""

    @function
    def run(self, value: U64) -> U64:
        """Double `value`."""
        mov(rbx, value)
        lea(rax, u64[rbx + rbx])
        ret(rax)


class Mended(Subsystem):
    """Asks for a register."""

    @function
    def run(self, value: U64) -> U64:
        """Double `value`."""
        once = scratch(value)
        lea(rax, u64[once + once])
        ret(rax)
