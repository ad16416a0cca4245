"""E022: the stack is not aligned to 16 bytes at a call."""

from pykasm import *


class Broken(Subsystem):
    """Saves one register around a call."""

    ticks = bss(U64)

    @function
    def run(self, value: U64) -> U64:
        """Count, and return `value`."""
        push(value)
        self.tick()
        pop(rax)
        ret(rax)

    @function
    def tick(self) -> None:
        """Stands for something useful."""
        inc(self.ticks)


class Mended(Subsystem):
    """Saves it in a pair."""

    ticks = bss(U64)

    @function
    def run(self, value: U64) -> U64:
        """Count, and return `value`."""
        push(value)
        sub(rsp, 8)
        self.tick()
        add(rsp, 8)
        pop(rax)
        ret(rax)

    @function
    def tick(self) -> None:
        """Stands for something useful."""
        inc(self.ticks)
