"""Times that files are given."""

from __future__ import annotations

from enum import IntFlag

from pykasm import *


class TimeChange(IntFlag):
    """Which times of a file are set."""

    ACCESSED = 1 << 0
    MODIFIED = 1 << 1
    NOW = 1 << 2
    """Both, to the present: who may write may do that."""
    WRONG = 1 << 3
    """None: one that was given is none. The file is looked for before that is told."""


class FileTimes(Struct):
    """Times to be set."""

    changes: U32 = field(TimeChange)
    accessed: U64
    """Nanoseconds since 1970, as in an `Inode`."""
    modified: U64
