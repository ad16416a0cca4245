"""Kinds of characters, as terminals know them: those of Latin-1 (ISO 8859-1)."""

from __future__ import annotations

from kernel.tty.terminal import Terminal
from kernel.tty.termios import InputMode
from pykasm import *

DELETE = 0x7F
CONTINUATION_MASK, CONTINUATION = 0xC0, 0x80
"""Bytes of a character in UTF-8 after its first one."""


@inline
def is_control(byte: U8) -> Condition:
    """Return whether `byte` is a control character."""
    return (byte < ord(" ")) | (byte == DELETE)


@inline(changes=rdx)
def is_continuation(terminal: Ptr[Terminal], byte: U8) -> Condition:
    """Return whether `byte` belongs to the character before it."""
    mov(dl, byte)
    and_(dl, CONTINUATION_MASK)
    return (terminal.modes.input & InputMode.IUTF8) & (dl == CONTINUATION)
