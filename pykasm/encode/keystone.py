"""Keystone's assembler, one engine for each width of code."""

from __future__ import annotations

from functools import cache
from typing import Any


@cache
def _engine(bits: int) -> Any:
    from keystone import KS_ARCH_X86, KS_MODE_16, KS_MODE_32, KS_MODE_64, Ks  # slow, seldom needed

    return Ks(KS_ARCH_X86, {16: KS_MODE_16, 32: KS_MODE_32, 64: KS_MODE_64}[bits])


def assemble(lines: list[str], bits: int) -> bytes | None:
    """The bytes of rendered statements at address 0, or None where Keystone refuses one of them.

    Keystone may also leave out a statement without saying so: compare what comes back.
    """
    from keystone import KsError

    try:
        code, _ = _engine(bits).asm("\n".join(lines).encode(), 0, as_bytes=True)
    except KsError:
        return None
    return bytes(code) if code else None
