"""What programs ask of virtual consoles."""

from __future__ import annotations

from enum import IntEnum

from pykasm import *


class VtRequest(IntEnum):
    """What `ioctl` does with them (include/uapi/linux/vt.h, kd.h; ioctl_console(2))."""

    KDGKBTYPE = 0x4B33
    KDSETMODE = 0x4B3A
    KDGETMODE = 0x4B3B
    KDGKBMODE = 0x4B44
    KDSKBMODE = 0x4B45
    TIOCLINUX = 0x541C
    VT_OPENQRY = 0x5600
    VT_GETMODE = 0x5601
    VT_SETMODE = 0x5602
    VT_GETSTATE = 0x5603
    VT_ACTIVATE = 0x5606
    VT_WAITACTIVE = 0x5607
    VT_DISALLOCATE = 0x5608


KB_101 = 2
"""The kind of keyboard: it has 101 keys."""
KD_TEXT = 0
"""A screen that shows text."""


class KeyboardMode(IntEnum):
    """What keys give (KDSKBMODE); each is the same where all keys type ASCII."""

    K_XLATE = 1
    K_UNICODE = 3


class VtMode(Struct):
    """How a console is switched away from (struct vt_mode)."""

    mode: U8
    """0: without asking anybody."""
    waits: U8
    release_signal: U16
    acquire_signal: U16
    free_signal: U16


class VtState(Struct):
    """What there is (struct vt_stat)."""

    active: U16
    """The number of the one in front."""
    signal: U16
    state: U16
    """Bit n: the console n is in use; bit 0 is always set."""


class LinuxRequest(IntEnum):
    """What TIOCLINUX does (include/uapi/linux/tiocl.h)."""

    GETFGCONSOLE = 12
    """Return the number of the console in front, counted from 0."""
