"""E033: a function is left by the return of an interrupt."""

from pykasm import *


class Broken(Subsystem):
    """Is called, and returns from an interrupt."""

    @function
    def run(self) -> None:
        """Return."""
        leave()
        iretq()


class Mended(Subsystem):
    """Is entered by an interrupt."""

    @interrupt
    def run(self) -> None:
        """Return."""
