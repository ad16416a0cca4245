"""A model of a 16550 for tests."""

from __future__ import annotations

from collections import deque

from kernel.console.serial import (
    COM1,
    FIFO_ENABLED,
    InterruptEnable,
    LineControl,
    LineStatus,
    ModemControl,
    Register,
)

UNDAMAGED = LineStatus(0)


class Uart:
    """A 16550 (or, without a FIFO, its forerunner) and the wire behind it."""

    def __init__(self, depth: int = 16) -> None:
        self.depth = depth
        self.sent = bytearray()
        self.waiting: deque[tuple[int, LineStatus]] = deque()
        self.written: dict[int, int] = {}
        self.divisor: dict[int, int] = {}
        self.stopped = False
        self.pending = 0
        self.overruns = 0

    @property
    def interrupting(self) -> bool:
        """Whether it asks for an interrupt."""
        return bool(self.waiting and self.written[Register.IER] & InterruptEnable.RECEIVED)

    def read(self, port: int) -> int:
        """Answer for a register that is read."""
        register = port - COM1
        if register == Register.LSR:
            return self.status()
        if register == Register.IIR:
            return FIFO_ENABLED if self.depth > 1 else 0
        return self.waiting.popleft()[0] if self.waiting else 0

    def status(self) -> int:
        """The line's status; looking lets the transmitter empty itself."""
        if not self.stopped:
            self.pending = 0
        status = LineStatus.DATA_READY | self.waiting[0][1] if self.waiting else UNDAMAGED
        return status if self.pending else status | LineStatus.THRE

    def write(self, port: int, value: int) -> None:
        """Answer for a register that is written."""
        register = port - COM1
        if self.written.get(Register.LCR, 0) & LineControl.DLAB and register < Register.FCR:
            self.divisor[register] = value
        elif register == Register.THR:
            self.send(value)
        else:
            self.written[register] = value

    def send(self, value: int) -> None:
        """Take a byte to send."""
        self.pending += 1
        assert self.pending <= self.depth, "overran the transmitter"
        if self.written[Register.MCR] & ModemControl.LOOP:
            self.waiting.append((value, UNDAMAGED))
        else:
            self.sent.append(value)

    def receive(self, data: bytes, damage: LineStatus = UNDAMAGED) -> None:
        """Let bytes come in; those for which there is no room are lost."""
        for byte in data:
            if len(self.waiting) < self.depth:
                self.waiting.append((byte, damage))
            else:
                self.overruns += 1
