"""W001: a value is written that nothing reads."""

from pykasm import *


class Broken(Subsystem):
    """Gives rax a value twice."""

    @function
    def run(self) -> U64:
        """Seven."""
        mov(rax, 6)
        mov(rax, 7)
        ret(rax)


class Mended(Subsystem):
    """Gives it once."""

    @function
    def run(self) -> U64:
        """Seven."""
        mov(rax, 7)
        ret(rax)
