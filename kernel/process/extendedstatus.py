"""What is told of files in more detail."""

from __future__ import annotations

from enum import IntFlag

from pykasm import *


class StatusMask(IntFlag):
    """Which fields are filled in (include/uapi/linux/stat.h)."""

    BASIC = 0x7FF
    BIRTH = 0x800
    MOUNT = 0x1000
    RESERVED = 0x8000_0000


class ExtendedTime(Struct):
    """Linux's `struct statx_timestamp`."""

    seconds: I64
    nanoseconds: U32
    _unused: U32


class ExtendedStatus(Struct, size=256):
    """Linux's `struct statx`."""

    mask: U32
    block_size: U32
    attributes: U64
    links: U32
    user: U32
    group: U32
    mode: U16
    _unused: U16
    number: U64
    size: U64
    blocks: U64
    attributes_mask: U64
    accessed: ExtendedTime
    born: ExtendedTime
    changed: ExtendedTime
    modified: ExtendedTime
    special_major: U32
    special_minor: U32
    device_major: U32
    device_minor: U32
    mount: U64
