"""Leaving the emulator with an exit status, for tests."""

from enum import IntEnum

from kernel.console.serial import COM1, TIMEOUT, LineStatus, UartRegister
from pykasm import *

DEBUG_EXIT_PORT = 0xF4
"""Where machines under test have QEMU's `isa-debug-exit` device; elsewhere nothing listens."""


class ExitValue(IntEnum):
    """What is written to the port; QEMU exits with twice that plus 1 (hw/misc/debugexit.c)."""

    POWEROFF = 0x10
    PANIC = 0x11


@inline(changes=(rax, rcx, rdx))
def leave_emulator(value: ExitValue) -> None:
    """End QEMU with an exit status for `value`; do nothing on other machines."""
    # QEMU ends at once and drops what its UART still has to send: wait for that.
    mov(edx, COM1 + UartRegister.LSR)
    mov(ecx, TIMEOUT)
    with loop():
        in_(al, dx)
        break_if(al & LineStatus.TEMT)
        dec(ecx)
        break_if(ZF)
    mov(eax, value)
    out(DEBUG_EXIT_PORT, eax)
