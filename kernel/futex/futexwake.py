"""Waking who waits for a word."""

from __future__ import annotations

from kernel.futex.futexwaiter import FutexKey
from pykasm import *


class FutexWake(Struct):
    """Who is to be woken, or moved to another word, and what came of it."""

    key: FutexKey
    bits: U32
    """Those who listen to one of these."""
    most: U32
    """How many may still be woken."""
    target: FutexKey
    """To which word the rest is moved."""
    most_moved: U32
    """How many of the rest may still be moved."""
    is_checked: U32
    """1 if the word has to have the value `expected`."""
    expected: U32
    done: I32
    """How many were woken or moved."""
