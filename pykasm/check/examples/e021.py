"""E021: a function returns with another stack depth than it was entered with."""

from pykasm import *


class Broken(Subsystem):
    """Jumps away with its frame on the stack."""

    ticks = bss(U64)

    @function
    def run(self) -> None:
        """Leave the rest to `tick`."""
        jmp(self.tick)

    @function
    def tick(self) -> None:
        """Stands for something useful."""
        inc(self.ticks)


class Mended(Subsystem):
    """Leaves its frame first."""

    ticks = bss(U64)

    @function
    def run(self) -> None:
        """Leave the rest to `tick`."""
        tail(self.tick)

    @function
    def tick(self) -> None:
        """Stands for something useful."""
        inc(self.ticks)
