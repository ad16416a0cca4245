"""Numbers that look random, for tests."""

from __future__ import annotations

from kernel.clock.tsc import read_tsc
from pykasm import *

SHIFTS = (13, 7, 17)
"""To the left, to the right, to the left: every number but 0 comes up (Marsaglia, Xorshift RNGs,
2003)."""


class Random(Struct):
    """A generator, for one thread."""

    state: U64

    @inline(changes=(rax, rdx))
    def begin(self) -> None:
        """Start somewhere else each time."""
        read_tsc()
        or_(rax, 1)
        mov(self.state, rax)

    @inline(changes=(rax, rcx))
    def next(self) -> U64:
        """Return the next number."""
        mov(rax, self.state)
        for number, shift in enumerate(SHIFTS):
            mov(rcx, rax)
            shr(rcx, shift) if number == 1 else shl(rcx, shift)
            xor(rax, rcx)
        mov(self.state, rax)
        return u64(rax)
