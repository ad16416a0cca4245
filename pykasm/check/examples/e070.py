"""E070: a function is called without one of its arguments."""

from pykasm import *


class Broken(Subsystem):
    """Calls with the bare instruction."""

    @function
    def run(self) -> None:
        """Forget the argument."""
        call(self.show)

    @function
    def show(self, value: U64) -> None:
        """Stands for something useful."""
        shown = local(U64)
        mov(shown, value)


class Mended(Subsystem):
    """Calls by name."""

    @function
    def run(self) -> None:
        """Give the argument."""
        self.show(7)

    @function
    def show(self, value: U64) -> None:
        """Stands for something useful."""
        shown = local(U64)
        mov(shown, value)
