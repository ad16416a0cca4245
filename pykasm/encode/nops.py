"""Padding that runs: the multi-byte NOPs that Intel and AMD recommend.

Intel SDM vol. 2, NOP, table 4-12; AMD Software Optimization Guide, "Code Padding". The bytes are
given in the manuals because no assembler text yields them: their zero displacements would be
left out.
"""

from __future__ import annotations

_RECOMMENDED = tuple(
    bytes.fromhex(code)
    for code in (
        "90",
        "6690",
        "0f1f00",
        "0f1f4000",
        "0f1f440000",
        "660f1f440000",
        "0f1f8000000000",
        "0f1f840000000000",
        "660f1f840000000000",
    )
)

_LONGEST_WORD_MODE = 4
"""In 16-bit code the longer ones have another length: there is no SIB byte (APM vol. 3, 1.4.4)."""


def nops(length: int, bits: int) -> bytes:
    """`length` bytes of padding for code of `bits`, in as few instructions as there can be."""
    longest = _LONGEST_WORD_MODE if bits == 16 else len(_RECOMMENDED)
    whole, rest = divmod(length, longest)
    return _RECOMMENDED[longest - 1] * whole + (_RECOMMENDED[rest - 1] if rest else b"")
