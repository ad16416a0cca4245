"""E071: what is called is no function of the image."""

from pykasm import *


class Helper(Subsystem):
    """Is not part of the image."""

    @function
    def work(self) -> None:
        """Nothing."""
        nop()


class Broken(Subsystem):
    """Calls it all the same."""

    def __init__(self) -> None:
        self.helper = Helper()

    @function
    def run(self) -> None:
        """Call what is not there."""
        self.helper.work()


class Mended(Subsystem):
    """Has the function itself."""

    @function
    def run(self) -> None:
        """Call what is there."""
        self.work()

    @function
    def work(self) -> None:
        """Nothing."""
        nop()
