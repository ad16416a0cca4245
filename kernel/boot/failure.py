"""The end of a start that can't go on, told before there is a console."""

from kernel.console.serial import COM1, DIVISOR, LineControl, LineStatus, Register
from pykasm import *

SCREEN = 0xB8000
"""The text screen of a VGA in mode 3 (IBM VGA Technical Reference, 1987)."""

RED_ON_BLACK = 0x0C
"""The attribute of a character: bright red."""

LINE_SETUP = (
    (Register.LCR, LineControl.DLAB),
    (Register.DLL, DIVISOR),
    (Register.DLM, 0),
    (Register.LCR, LineControl.EIGHT_BITS),
)

PATIENCE = 1_000_000
"""Looks at the line status before a byte is sent regardless: there may be no UART at all."""


class BootFailure(Subsystem):
    """Says on screen and serial line what is wrong, in 32-bit code without paging."""

    @naked(bits=32, boot=True)
    def stop(self) -> None:
        """Print the text at physical esi (ends with a zero) and halt for good."""
        cld()
        for register, value in LINE_SETUP:
            mov(edx, COM1 + register)
            mov(al, value)
            out(dx, al)
        mov(edi, SCREEN)
        mov(ah, RED_ON_BLACK)
        with loop():
            lodsb()
            break_if(al == 0)
            self._show()
            self._send()
        with loop():
            cli()
            hlt()

    def _show(self) -> None:
        """Put al on the screen, at edi."""
        stosw()

    def _send(self) -> None:
        """Send al on the serial line; changes ecx and edx."""
        mov(bl, al)
        mov(edx, COM1 + Register.LSR)
        mov(ecx, PATIENCE)
        with loop():
            in_(al, dx)
            break_if(al & LineStatus.THRE)
            dec(ecx)
            break_if(ZF)
        mov(edx, COM1 + Register.THR)
        mov(al, bl)
        out(dx, al)


def complaint(problem: str) -> object:
    """Read-only data with the message that the kernel can't start because of `problem`."""
    text = f"pykasm: can't start: {problem}".encode() + b"\r\n\0"
    return rodata(U8 * len(text), text)
