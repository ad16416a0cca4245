"""A serial line behind a 16550 (PC16550D data sheet, National Semiconductor, 1995)."""

from __future__ import annotations

from enum import IntEnum, IntFlag

from kernel.locks.spinlock import SpinLock
from pykasm import *

COM1 = 0x3F8
"""The first serial port of a PC (IBM PC/AT Technical Reference)."""


class UartRegister(IntEnum):
    """Offsets from the base port (table 2); some places have two registers."""

    RBR = 0  # receiver buffer, read
    THR = 0  # transmitter holding, write
    DLL = 0  # divisor latch, low byte, while LCR.DLAB is set
    DLM = 1  # divisor latch, high byte, while LCR.DLAB is set
    IER = 1  # interrupt enable
    IIR = 2  # interrupt identification, read
    FCR = 2  # FIFO control, write
    LCR = 3  # line control
    MCR = 4  # modem control
    LSR = 5  # line status


class InterruptEnable(IntFlag):
    """IER (8.7)."""

    RECEIVED = 1 << 0
    """Bytes have come: as many as FCR says, or fewer that have waited for a while."""
    TRANSMITTER_EMPTY = 1 << 1
    """The transmitter has begun to send the last byte that it had."""
    LINE_STATUS = 1 << 2
    """A byte has come with an error, or a break."""


class FifoControl(IntFlag):
    """FCR (8.5)."""

    ENABLE = 1 << 0
    CLEAR_RECEIVER = 1 << 1
    CLEAR_TRANSMITTER = 1 << 2
    TRIGGER_8 = 2 << 6
    """The receiver interrupts when it has 8 bytes, which leaves it room for 8 more meanwhile."""


class LineControl(IntFlag):
    """LCR (8.1)."""

    EIGHT_BITS = 3 << 0
    DLAB = 1 << 7


class ModemControl(IntFlag):
    """MCR (8.7)."""

    DTR = 1 << 0
    RTS = 1 << 1
    OUT2 = 1 << 3  # lets the interrupt line through on a PC
    LOOP = 1 << 4


class LineStatus(IntFlag):
    """LSR (8.3)."""

    DATA_READY = 1 << 0
    PARITY_ERROR = 1 << 2
    FRAMING_ERROR = 1 << 3
    BREAK = 1 << 4
    THRE = 1 << 5  # the transmitter FIFO is empty
    TEMT = 1 << 6  # and the last byte of it has gone out


DAMAGED = LineStatus.PARITY_ERROR | LineStatus.FRAMING_ERROR | LineStatus.BREAK
FIFO_ENABLED = 3 << 6
"""IIR says by these bits that there is a FIFO that works (8.6)."""
NOTHING_PENDING = 1 << 0
"""IIR says so by this bit: the UART asks for no interrupt (8.6)."""
FIFO_DEPTH = 16
DIVISOR = 1
"""115,200 baud from the PC's 1.8432 MHz clock (table 3)."""
TEST_BYTE = 0xAE
TIMEOUT = 60_000_000
"""Reads of LSR, about 1 µs each, before a line that takes no bytes counts as stopped. Wires take
them in time; an emulator's line stops as long as nobody reads its output."""
PROBE_TIMEOUT = 1_000_000
"""Reads of LSR before there seems to be no UART."""

SETUP = (
    (UartRegister.IER, 0),
    (UartRegister.LCR, LineControl.DLAB),
    (UartRegister.DLL, DIVISOR & 0xFF),
    (UartRegister.DLM, DIVISOR >> 8),
    (UartRegister.LCR, LineControl.EIGHT_BITS),
    (
        UartRegister.FCR,
        FifoControl.ENABLE
        | FifoControl.CLEAR_RECEIVER
        | FifoControl.CLEAR_TRANSMITTER
        | FifoControl.TRIGGER_8,
    ),
    (UartRegister.MCR, ModemControl.LOOP | ModemControl.RTS | ModemControl.OUT2),
)
"""What `start` writes before its self-test: 115,200 baud, 8 bits, no parity, one stop bit."""


class Serial(Subsystem):
    """A 16550: access to its registers, and waiting for its status."""

    fifo_depth = bss(U8)
    """Bytes that the transmitter takes at once when it is empty; 0 where no UART answered."""
    ier = bss(U8)
    """The value of IER, an `InterruptEnable`: what the UART may interrupt for."""
    timeout = data(U32, PROBE_TIMEOUT)
    """Reads of LSR that the next wait may take: TIMEOUT after a wait that succeeded, 1 after one
    that timed out, so that a dead line delays the kernel only once."""

    def __init__(self, port: int = COM1) -> None:
        self.port = port
        self.lock = bss(SpinLock)
        """Guards the registers, between threads that send and the interrupt handler."""

    @function
    def start(self) -> None:
        """Set the line up, and test that a UART is there by a byte in loopback mode."""
        for register, value in SETUP:
            self.write(register, value)
        self.write(UartRegister.THR, TEST_BYTE)
        # If this times out, what is read next is no byte of ours: there is no UART.
        ignore(self.wait_for(LineStatus.DATA_READY))
        received = self.read(UartRegister.RBR)
        with if_(received == TEST_BYTE):
            self._detect_fifo()
            self.write(UartRegister.MCR, ModemControl.DTR | ModemControl.RTS | ModemControl.OUT2)

    @function
    def wait_for(self, status: U8) -> U8:
        """Wait until LSR has one of the bits of `status`. Return those that it has, 0 if the wait
        timed out."""
        mov(edx, self.port + UartRegister.LSR)
        mov(ecx, self.timeout)
        with loop():
            in_(al, dx)
            and_(al, status)
            break_if(al != 0)
            dec(ecx)
            with if_(ZF):
                mov(self.timeout, 1)  # the next wait has no better prospects
                ret(0)
        mov(self.timeout, TIMEOUT)
        ret(al)

    @inline(changes=(rax, rdx))
    def _detect_fifo(self) -> None:
        """Set `fifo_depth`: older UARTs have no FIFO, and the 16550 without A one that fails."""
        working = self.read(UartRegister.IIR)
        and_(working, FIFO_ENABLED)
        with if_(working == FIFO_ENABLED):
            mov(self.fifo_depth, FIFO_DEPTH)
        with else_():
            mov(self.fifo_depth, 1)

    @inline(changes=(rax, rdx))
    def enable_interrupts(self, interrupts: InterruptEnable) -> None:
        """Enable `interrupts` beside those that are enabled."""
        or_(self.ier, interrupts)
        self.write(UartRegister.IER, self.ier)

    @inline(changes=(rax, rdx))
    def disable_interrupts(self, interrupts: InterruptEnable) -> None:
        """Disable `interrupts`, and no others."""
        and_(self.ier, ~interrupts & 0xFF)
        self.write(UartRegister.IER, self.ier)

    @inline(changes=("value", rax, rdx))
    def write(self, register: UartRegister, value: object) -> None:
        """Write `value`, a number or an operand of 8 bits, to `register`."""
        mov(edx, self.port + register)
        mov(al, value)
        out(dx, al)

    @inline(changes=(rax, rdx))
    def read(self, register: UartRegister) -> U8:
        """Return the value of `register`."""
        mov(edx, self.port + register)
        in_(al, dx)
        return al
