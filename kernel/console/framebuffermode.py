"""What a framebuffer looks like."""

from __future__ import annotations

from pykasm import *


class ColourField(Struct):
    """The bits of a pixel that one colour has: `size` of them from bit `position` on."""

    position: U8
    size: U8


FIELDS = ("red", "green", "blue")
"""What the fields of a pixel are, in this order."""


class FramebufferMode(Struct):
    """Where pixels are, and what they consist of."""

    address: U64
    """The physical address of the top left one."""
    pitch: U32
    """Bytes from one row to the next."""
    width: U32
    height: U32
    bits_per_pixel: U32
    fields: Array[ColourField] = field(count=len(FIELDS))
    """Those of `FIELDS`."""
