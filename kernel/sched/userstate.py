"""The half of a thread that programs see."""

from __future__ import annotations

from pykasm import *


class UserState(Struct):
    """What the scheduler keeps of a thread that runs a program. It is the first part of a task."""

    fs_base: U64
    """Where the program's FS begins: its thread-local storage."""
    gs_base: U64
    """Where its GS begins."""
