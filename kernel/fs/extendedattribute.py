"""Names and values that files have beside what they contain (xattr(7))."""

from __future__ import annotations

from kernel.structures.list import ListHead
from pykasm import *

MOST_LETTERS = 255
"""Of a name (include/uapi/linux/limits.h: XATTR_NAME_MAX)."""

LARGEST_VALUE = 1 << 16
"""Bytes of a value (XATTR_SIZE_MAX)."""

LARGEST_LIST = 1 << 16
"""Bytes of all names that are told at once (XATTR_LIST_MAX)."""

ROOM = 1 << 20
"""Bytes that all names and values of a file have together."""


class AttributeName(Struct):
    """A copy of the name of an attribute."""

    length: U64
    text: Array[U8] = field(count=MOST_LETTERS + 1)
    """It, and a zero."""


class ExtendedAttribute(Struct):
    """A name, and its value."""

    link: ListHead
    """In `Inode.extended`."""
    length: U64
    """Bytes of the name, without the zero."""
    size: U64
    """Bytes of the value."""
    text: Array[U8]
    """The name, a zero, and the value."""
