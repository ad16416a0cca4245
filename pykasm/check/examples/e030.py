"""E030: code runs off its end."""

from pykasm import *


class Broken(Subsystem):
    """Does not end."""

    @naked
    def run(self) -> None:
        """Halt the processor."""
        hlt()


class Mended(Subsystem):
    """Ends."""

    @naked
    def run(self) -> None:
        """Halt the processor."""
        hlt()
        ret()
