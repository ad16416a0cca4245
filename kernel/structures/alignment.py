"""Rounding to multiples of powers of two."""

from pykasm import *


@inline(changes="value")
def round_up(value: U64, boundary: int) -> None:
    """Round the register `value` up to a multiple of `boundary`, a power of two."""
    add(value, boundary - 1)
    and_(value, -boundary)


@inline(changes="value")
def round_down(value: U64, boundary: int) -> None:
    """Round the register `value` down to a multiple of `boundary`, a power of two."""
    and_(value, -boundary)
