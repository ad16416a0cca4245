"""What went wrong, by the numbers of Linux (include/uapi/asm-generic/errno-base.h)."""

from __future__ import annotations

from enum import IntEnum


class Errno(IntEnum):
    """Functions that may fail return these negated."""

    ENOMEM = 12
    EBUSY = 16
    EEXIST = 17
    ENODEV = 19
    EINVAL = 22
    ENOSPC = 28
