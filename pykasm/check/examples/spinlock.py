"""A lock for the examples."""

from pykasm import *


class SpinLock(Struct):
    """Free where `taken` is 0. Interrupts are as its user left them."""

    taken: U8

    def take(self, rank: str = "") -> None:
        """Wait for the lock."""
        value = scratch(U8)
        taking(self, rank=rank)
        mov(value, 1)
        with while_(value != 0):
            xchg(self.taken, value)
        release(value)

    def drop(self, rank: str = "") -> None:
        """Release the lock to the next one."""
        releasing(self, rank=rank)
        mov(self.taken, 0)
