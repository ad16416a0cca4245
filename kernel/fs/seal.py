"""What is promised of memory files."""

from __future__ import annotations

from enum import IntFlag


class Seal(IntFlag):
    """What nobody can do with a file any more (fcntl(2), F_ADD_SEALS;
    include/uapi/linux/fcntl.h)."""

    SEAL = 1 << 0
    """Add further seals."""
    SHRINK = 1 << 1
    GROW = 1 << 2
    WRITE = 1 << 3
    FUTURE_WRITE = 1 << 4
    """Write, but by what is mapped already."""


ALL_SEALS = Seal.SEAL | Seal.SHRINK | Seal.GROW | Seal.WRITE | Seal.FUTURE_WRITE
NO_WRITES = Seal.WRITE | Seal.FUTURE_WRITE
