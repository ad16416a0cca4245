"""The time-stamp counter (Intel SDM vol. 3B, 18.17; AMD64 APM vol. 2, 13.2.4)."""

from __future__ import annotations

from pykasm import *


@inline(changes=(rax, rdx))
def read_tsc() -> None:
    """Read the counter into rax, in program order."""
    lfence()  # rdtsc alone may run before the instructions that precede it
    rdtsc()
    shl(rdx, 32)
    or_(rax, rdx)
