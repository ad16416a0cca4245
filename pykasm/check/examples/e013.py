"""E013: a flag is read that the code before did not leave defined."""

from pykasm import *


class Broken(Subsystem):
    """Branches on a flag from before a call."""

    ticks = bss(U64)

    @function
    def run(self, value: U64) -> None:
        """Count, and once more unless `value` is 0."""
        test(value, value)
        self.tick()
        with if_(~ZF):
            self.tick()

    @function
    def tick(self) -> None:
        """Stands for something useful."""
        inc(self.ticks)


class Mended(Subsystem):
    """Tests right before the branch."""

    ticks = bss(U64)

    @function
    def run(self, value: U64) -> None:
        """Count, and once more unless `value` is 0."""
        value = keep(value)
        self.tick()
        with if_(value != 0):
            self.tick()

    @function
    def tick(self) -> None:
        """Stands for something useful."""
        inc(self.ticks)
