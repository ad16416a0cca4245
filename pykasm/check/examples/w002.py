"""W002: a named register is never used."""

from pykasm import *


class Broken(Subsystem):
    """Takes a register and leaves it alone."""

    @function
    def run(self) -> None:
        """Nothing."""
        count = scratch(U64)
        nop()


class Mended(Subsystem):
    """Takes none."""

    @function
    def run(self) -> None:
        """Nothing."""
        nop()
