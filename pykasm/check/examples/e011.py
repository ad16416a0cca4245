"""E011: a register is read after a call that may have changed it."""

from pykasm import *


class Broken(Subsystem):
    """Trusts a callee with rcx."""

    ticks = bss(U64)

    @function
    def run(self) -> U64:
        """Count, and return seven."""
        mov(ecx, 7)
        self.tick()
        ret(rcx)

    @function
    def tick(self) -> None:
        """Stands for something useful."""
        inc(self.ticks)


class Mended(Subsystem):
    """Waits with rcx."""

    ticks = bss(U64)

    @function
    def run(self) -> U64:
        """Count, and return seven."""
        self.tick()
        mov(ecx, 7)
        ret(rcx)

    @function
    def tick(self) -> None:
        """Stands for something useful."""
        inc(self.ticks)
