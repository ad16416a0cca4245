"""Leaving the emulator with an exit status, for tests."""

from enum import IntEnum

from pykasm import *

DEBUG_EXIT_PORT = 0xF4
"""Where machines under test have QEMU's `isa-debug-exit` device; elsewhere nothing listens."""


class ExitValue(IntEnum):
    """What is written to the port; QEMU exits with twice that plus 1 (hw/misc/debugexit.c)."""

    POWEROFF = 0x10
    PANIC = 0x11


def leave_emulator(value: ExitValue) -> None:
    """Emit code that ends QEMU; on other machines it does nothing. Changes eax."""
    mov(eax, value)
    out(DEBUG_EXIT_PORT, eax)
