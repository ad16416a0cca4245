"""What a program is started with."""

from __future__ import annotations

from kernel.cpu.pagetable import PAGE
from pykasm import *

MOST_PAGES = 508
"""Pages of texts that a list has room for, so that it fits into one: about what Linux allows, a
quarter of 8 MiB (execve(2))."""

MOST_TEXT = 32 * PAGE
"""Bytes of one text, with its end (Linux: MAX_ARG_STRLEN)."""


class ArgumentList(Struct, size=PAGE):
    """Arguments and environment of a program that is about to start, copied into pages of the
    kernel's: one text behind the other, each with its zero."""

    argument_count: U32
    environment_count: U32
    """How many texts come after the arguments."""
    size: U64
    """Bytes of all texts."""
    first_end: U64
    """Where the second text begins."""
    pages: Array[U64] = field(count=MOST_PAGES)
    """Their physical addresses."""
