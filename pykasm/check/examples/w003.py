"""W003: a kept register that no call makes necessary."""

from pykasm import *


class Broken(Subsystem):
    """Saves a register for calls that never come."""

    @function
    def run(self, value: U64) -> U64:
        """Twice the value."""
        double = keep(value)
        add(double, double)
        ret(double)


class Mended(Subsystem):
    """Takes one that nobody expects back."""

    @function
    def run(self, value: U64) -> U64:
        """Twice the value."""
        double = scratch(value)
        add(double, double)
        ret(double)
