"""A model of a 16550 for tests."""

from __future__ import annotations

from collections import deque

from kernel.console.serial import (
    COM1,
    FIFO_ENABLED,
    NOTHING_PENDING,
    InterruptEnable,
    LineControl,
    LineStatus,
    ModemControl,
    UartRegister,
)

UNDAMAGED = LineStatus(0)


class Uart:
    """A 16550 (or, without a FIFO, its forerunner) and the wire behind it.

    Its transmitter is empty again whenever its status is looked at, unless it is `stopped`; then it
    is by `empty` only. One that is `lazy` asks for an interrupt when it becomes empty, but not when
    it is told to ask and is empty already.
    """

    def __init__(self, depth: int = 16) -> None:
        self.depth = depth
        self.sent = bytearray()
        self.waiting: deque[tuple[int, LineStatus]] = deque()
        self.written: dict[int, int] = {}
        self.divisor: dict[int, int] = {}
        self.stopped = False
        self.lazy = False
        self.pending = 0
        self.has_become_empty = False
        """And has not told by IIR."""
        self.overruns = 0

    @property
    def interrupting(self) -> bool:
        """Whether it asks for an interrupt."""
        return bool(self.reasons())

    def reasons(self) -> InterruptEnable:
        """Why it asks for an interrupt."""
        reasons = InterruptEnable(0)
        if self.waiting:
            reasons |= InterruptEnable.RECEIVED
        if self.has_become_empty:
            reasons |= InterruptEnable.TRANSMITTER_EMPTY
        return reasons & self.written.get(UartRegister.IER, 0)

    def read(self, port: int) -> int:
        """Answer for a register that is read."""
        register = port - COM1
        if register == UartRegister.LSR:
            return self.status()
        if register == UartRegister.IIR:
            return self.identify()
        return self.waiting.popleft()[0] if self.waiting else 0

    def status(self) -> int:
        """The line's status; looking lets the transmitter empty itself."""
        if not self.stopped:
            self.empty()
        status = LineStatus.DATA_READY | self.waiting[0][1] if self.waiting else UNDAMAGED
        return status if self.pending else status | LineStatus.THRE | LineStatus.TEMT

    def identify(self) -> int:
        """Why it interrupts; the transmitter's reason is gone then, if no other one is told."""
        value, reasons = FIFO_ENABLED if self.depth > 1 else 0, self.reasons()
        if not reasons:
            return value | NOTHING_PENDING
        if reasons == InterruptEnable.TRANSMITTER_EMPTY:
            self.has_become_empty = False
        return value | reasons << 1

    def empty(self) -> None:
        """Send all that the transmitter has."""
        if self.pending:
            self.pending = 0
            wanted = self.written.get(UartRegister.IER, 0) & InterruptEnable.TRANSMITTER_EMPTY
            self.has_become_empty = bool(wanted) or not self.lazy

    def write(self, port: int, value: int) -> None:
        """Answer for a register that is written."""
        register = port - COM1
        if self.written.get(UartRegister.LCR, 0) & LineControl.DLAB and register < UartRegister.FCR:
            self.divisor[register] = value
        elif register == UartRegister.THR:
            self.send(value)
        else:
            if register == UartRegister.IER and not self.lazy and not self.pending:
                newly = value & ~self.written.get(register, 0)
                self.has_become_empty |= bool(newly & InterruptEnable.TRANSMITTER_EMPTY)
            self.written[register] = value

    def send(self, value: int) -> None:
        """Take a byte to send."""
        self.pending += 1
        self.has_become_empty = False
        assert self.pending <= self.depth, "overran the transmitter"
        if self.written[UartRegister.MCR] & ModemControl.LOOP:
            self.waiting.append((value, UNDAMAGED))
        else:
            self.sent.append(value)

    def receive(self, data: bytes, damage: LineStatus = UNDAMAGED) -> None:
        """Receive bytes; those for which there is no space are lost."""
        for byte in data:
            if len(self.waiting) < self.depth:
                self.waiting.append((byte, damage))
            else:
                self.overruns += 1
