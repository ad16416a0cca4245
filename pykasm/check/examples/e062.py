"""E062: data is executed."""

from pykasm import *


class Broken(Subsystem):
    """Calls bytes."""

    code = data(U8 * 1, bytes([0xC3]))

    @function
    def run(self) -> None:
        """Run them."""
        call(symbol("Broken.code"))


class Mended(Subsystem):
    """Calls a function."""

    @function
    def run(self) -> None:
        """Run it."""
        self.work()

    @function
    def work(self) -> None:
        """Nothing."""
        nop()
