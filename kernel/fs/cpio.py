"""The format of archives: cpio's `newc` (Linux, Documentation/driver-api/early-userspace/
buffer-format.rst)."""

from __future__ import annotations

from enum import IntEnum

from pykasm import *

MAGICS = (b"070701", b"070702")
"""Without and with checksums, which nobody checks."""

DIGITS = 8
"""Of a number in hexadecimal."""

TRAILER = b"TRAILER!!!\0"
"""The name of the last entry of an archive."""

ALIGNMENT = 4
"""Bytes: that of headers and of contents."""


class CpioField(IntEnum):
    """The numbers of a header, in their order."""

    NUMBER = 0
    MODE = 1
    USER = 2
    GROUP = 3
    LINKS = 4
    MODIFIED = 5
    SIZE = 6
    MAJOR = 7
    MINOR = 8
    DEVICE_MAJOR = 9
    DEVICE_MINOR = 10
    NAME_SIZE = 11
    CHECK = 12


class CpioHeader(Struct, packed=True):
    """What stands before each name."""

    magic: Array[U8] = field(count=len(MAGICS[0]))
    digits: Array[U8] = field(count=DIGITS * len(CpioField))
