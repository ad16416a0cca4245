"""E023: memory below rsp is used."""

from pykasm import *


class Broken(Subsystem):
    """Counts on a red zone."""

    @function
    def run(self, value: U64) -> U64:
        """The bits of `value`, the other way through memory."""
        mov(u64[rsp - 8], value)
        ret(u64[rsp - 8])


class Mended(Subsystem):
    """Makes room."""

    @function
    def run(self, value: U64) -> U64:
        """The bits of `value`, the other way through memory."""
        slot = local(U64)
        mov(slot, value)
        ret(slot)
