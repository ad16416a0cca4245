"""A character of which some bytes have come."""

from __future__ import annotations

from pykasm import *


class Utf8State(Struct):
    """Zeros are the beginning of a character."""

    missing: U32
    """How many bytes of the character are to come."""
    value: U32
    """The bits of those that came."""
