"""The time-stamp counter (Intel SDM vol. 3B, 18.17; AMD64 APM vol. 2, 13.2.4)."""

from __future__ import annotations

from pykasm import *


def read_tsc() -> None:
    """Put the counter into rax, after all that comes before has been done. Changes rdx."""
    lfence()
    rdtsc()
    shl(rdx, 32)
    or_(rax, rdx)
