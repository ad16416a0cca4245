"""Who reads what people type."""

from __future__ import annotations

from enum import IntEnum


class Reader(IntEnum):
    """Each is one thread; one of them is in front."""

    MONITOR = 0
    PROGRAMS = 1
    """The terminal that programs have as the console."""
