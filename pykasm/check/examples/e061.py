"""E061: a store to read-only data."""

from pykasm import *


class Broken(Subsystem):
    """Counts in a constant."""

    hits = rodata(U64, 0)

    @function
    def run(self) -> None:
        """Count."""
        inc(self.hits)


class Mended(Subsystem):
    """Counts in a variable."""

    hits = data(U64, 0)

    @function
    def run(self) -> None:
        """Count."""
        inc(self.hits)
