"""What is told of a file."""

from __future__ import annotations

from pykasm import *


class StatTime(Struct):
    """A time since 1970 (struct timespec)."""

    seconds: I64
    nanoseconds: U64


class FileStatus(Struct, size=144):
    """As `stat` tells it (arch/x86/include/uapi/asm/stat.h, struct stat)."""

    device: U64
    number: U64
    links: U64
    mode: U32
    user: U32
    group: U32
    _unused: U32
    special: U64
    """Which device a special file stands for."""
    size: U64
    block_size: U64
    """Bytes that are good to read at once."""
    blocks: U64
    """Of 512 bytes, that the file takes."""
    accessed: StatTime
    modified: StatTime
    changed: StatTime
