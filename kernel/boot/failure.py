"""Report an early failure to start, before there is a console."""

from kernel.boot.bootscreen import BootScreen
from kernel.boot.protocol import Protocol
from kernel.console.serial import (
    COM1,
    DIVISOR,
    PROBE_TIMEOUT,
    LineControl,
    LineStatus,
    UartRegister,
)
from kernel.console.vga import CELL, COLUMNS, ROWS, TEXT_BUFFER
from kernel.cpu.stacks import Stacks
from kernel.text.colour import Colour
from pykasm import *
from pykasm.objects.debug import EntryFrame

LINE_SETUP = (
    (UartRegister.LCR, LineControl.DLAB),
    (UartRegister.DLL, DIVISOR),
    (UartRegister.DLM, 0),
    (UartRegister.LCR, LineControl.EIGHT_BITS),
)


class BootFailure(Subsystem):
    """Print why the kernel can't start, from 32-bit code without paging."""

    def __init__(self, screen: BootScreen, stacks: Stacks) -> None:
        self.screen = screen
        self.stacks = stacks

    @naked(bits=32, boot=True, entered=EntryFrame.NONE)
    def stop(self) -> None:
        """Print the NUL-terminated text at physical esi on the serial line and on the screen, and
        halt. ebp is the `Protocol`, ebx the physical address of its information, or 0."""
        cld()
        mov(esp, physical(self.stacks.boot.top))
        push(ebx)
        push(esi)
        self._write()
        pop(esi)
        pop(ebx)
        with if_((ebp == Protocol.MULTIBOOT2) & (ebx != 0)):
            call(self.screen.show)
        with loop():
            cli()
            hlt()

    @inline(changes=(rax, rcx, rdx, rbx, rsi, rdi))
    def _write(self) -> None:
        """Write the text on the serial line, and on a VGA."""
        for register, value in LINE_SETUP:
            mov(edx, COM1 + register)
            mov(al, value)
            out(dx, al)
        self._clear_screen()
        mov(edi, TEXT_BUFFER)
        with loop():
            lodsb()
            break_if(al == 0)
            with if_(al >= ord(" ")):
                stosw()  # a cell: the character in al, its attribute in ah
            self._send_byte()

    @inline(changes=(rax, rcx, rdi))
    def _clear_screen(self) -> None:
        """Fill the text screen with blanks; leave their attribute in ah."""
        mov(edi, TEXT_BUFFER)
        mov(ecx, COLUMNS * ROWS)
        mov(eax, Colour.LIGHT_RED << 8 * (CELL - 1) | ord(" "))
        rep.stosw()

    @inline(changes=(rax, rcx, rdx, rbx))
    def _send_byte(self) -> None:
        """Send al on the serial line."""
        mov(bl, al)
        mov(edx, COM1 + UartRegister.LSR)
        mov(ecx, PROBE_TIMEOUT)
        with loop():  # bounded, as there may be no UART
            in_(al, dx)
            break_if(al & LineStatus.THRE)
            dec(ecx)
            break_if(ZF)
        mov(edx, COM1 + UartRegister.THR)
        mov(al, bl)
        out(dx, al)


def failure_message(problem: str) -> object:
    """Declare the message that the kernel can't start because of `problem`, as read-only data."""
    text = f"pykasm: can't start: {problem}".encode() + b"\r\n\0"
    return rodata(U8 * len(text), text)
