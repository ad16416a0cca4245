"""E055: interrupts are not left as they were."""

from pykasm import *


class Broken(Subsystem):
    """Returns early with interrupts off."""

    free = percpu(U64)

    @function(context="thread")
    def run(self) -> U64:
        """Take one of this processor's free numbers, or return 0 if there is none."""
        cli()
        number = scratch(self.free)
        with if_(number == 0):
            ret(0)
        dec(self.free)
        sti()
        ret(number)


class Mended(Subsystem):
    """Turns interrupts on again on every path."""

    free = percpu(U64)

    @function(context="thread")
    def run(self) -> U64:
        """Take one of this processor's free numbers, or return 0 if there is none."""
        cli()
        number = scratch(self.free)
        with if_(number != 0):
            dec(self.free)
        sti()
        ret(number)
