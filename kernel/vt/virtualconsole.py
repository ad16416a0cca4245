"""A virtual console."""

from __future__ import annotations

from kernel.console.screenstate import Screen
from kernel.tty.terminal import Terminal
from kernel.vt.vtrequest import KeyboardMode
from pykasm import *


class VirtualConsole(Terminal):
    """A terminal with a screen, which is seen while the console is in front."""

    number: U32
    """From 1 on."""
    files: U32
    """How many files of it are open; changed at once."""
    screen: Ptr[Screen]
    keyboard_mode: U32 = field(KeyboardMode)
