"""Little-endian base-128 numbers (DWARF 5, 7.6)."""

from __future__ import annotations

from functools import lru_cache

REMEMBERED = 65536
"""How many encoded numbers are kept: offsets and sizes come again and again."""


@lru_cache(REMEMBERED)
def unsigned(value: int) -> bytes:
    """`value`, which is not negative, as ULEB128."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


@lru_cache(REMEMBERED)
def signed(value: int) -> bytes:
    """`value` as SLEB128."""
    out = bytearray()
    while not -0x40 <= value <= 0x3F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value & 0x7F)
    return bytes(out)
