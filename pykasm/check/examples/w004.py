"""W004: a subsystem that nothing can reach."""

from pykasm import *


class Clock(Subsystem):
    """Counts ticks."""

    ticks = bss(U64)

    @function
    def tick(self) -> None:
        """Count one."""
        inc(self.ticks)


class Broken(Subsystem):
    """Has a clock, and forgets it."""

    def __init__(self) -> None:
        self.clock = Clock()

    @function
    def run(self) -> None:
        """Nothing."""
        nop()


class Mended(Broken):
    """Counts the ticks of a clock."""

    @function
    def run(self) -> None:
        """One tick."""
        self.clock.tick()


def image(program: Broken) -> Image:
    """The image, with the clock."""
    return Image(entry=program.run, subsystems=[program, program.clock])
