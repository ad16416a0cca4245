"""E054: a state is not begun and ended in turn on some path."""

from pykasm import *

PREEMPTION_DISABLED = PairedState("preemption disabled", pins=True)


class Broken(Subsystem):
    """Returns early, and never lets other threads run again."""

    reasons = percpu(U32)
    count = percpu(U64)

    @function
    def run(self, number: U64) -> None:
        """Add `number` to this processor's count."""
        begins(PREEMPTION_DISABLED)
        inc(self.reasons)
        with if_(number == 0):
            ret()
        add(self.count, number)
        ends(PREEMPTION_DISABLED)
        dec(self.reasons)


class Mended(Subsystem):
    """Lets other threads run on every path."""

    reasons = percpu(U32)
    count = percpu(U64)

    @function
    def run(self, number: U64) -> None:
        """Add `number` to this processor's count."""
        begins(PREEMPTION_DISABLED)
        inc(self.reasons)
        with if_(number != 0):
            add(self.count, number)
        ends(PREEMPTION_DISABLED)
        dec(self.reasons)
