"""E012: a named value is read after its register was clobbered."""

from pykasm import *


class Broken(Subsystem):
    """Reads a parameter after a call."""

    ticks = bss(U64)

    @function
    def run(self, value: U64) -> U64:
        """Count, and return `value`."""
        self.tick()
        ret(value)

    @function
    def tick(self) -> None:
        """Stands for something useful."""
        inc(self.ticks)


class Mended(Subsystem):
    """Keeps the parameter."""

    ticks = bss(U64)

    @function
    def run(self, value: U64) -> U64:
        """Count, and return `value`."""
        value = keep(value)
        self.tick()
        ret(value)

    @function
    def tick(self) -> None:
        """Stands for something useful."""
        inc(self.ticks)
