"""How large a terminal's screen is."""

from __future__ import annotations

from pykasm import *


class WindowSize(Struct):
    """As programs know it (include/uapi/asm-generic/termios.h: struct winsize)."""

    rows: U16
    columns: U16
    width: U16
    """In pixels, as `height`; 0 if nobody knows."""
    height: U16
