"""What went wrong, by the numbers of Linux (include/uapi/asm-generic/errno-base.h and errno.h)."""

from __future__ import annotations

from pykasm import *


class Errno(ErrorNumber):
    """Functions that may fail return these negated."""

    EINTR = 4
    EAGAIN = 11
    ENOMEM = 12
    EFAULT = 14
    EBUSY = 16
    EEXIST = 17
    ENODEV = 19
    EINVAL = 22
    ENOSPC = 28
    ENAMETOOLONG = 36
    ETIMEDOUT = 110
