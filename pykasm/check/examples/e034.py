"""E034: a jump into the middle of another function."""

from pykasm import *


class Broken(Subsystem):
    """Jumps past the first instruction of another function."""

    @naked
    def run(self) -> None:
        """Leave out the first `nop`."""
        mov(rax, address_of(self.wait) + 1)
        jmp(rax)

    @naked
    def wait(self) -> None:
        """Take two cycles."""
        nop()
        nop()
        ret()


class Mended(Subsystem):
    """Has a function for what is shared."""

    @naked
    def run(self) -> None:
        """Take one cycle."""
        jmp(self.wait_once)

    @naked
    def wait(self) -> None:
        """Take two cycles."""
        nop()
        jmp(self.wait_once)

    @naked
    def wait_once(self) -> None:
        """Take one cycle."""
        nop()
        ret()
