"""The serial driver on a model of a 16550."""

from collections import deque

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.console.queue import CAPACITY
from kernel.console.serial import (
    COM1,
    DAMAGED,
    FIFO_ENABLED,
    PATIENCE,
    FifoControl,
    LineControl,
    LineStatus,
    ModemControl,
    Register,
    Serial,
)
from pykasm.hostrun import Host

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
        """Let bytes come in."""
        self.waiting.extend((byte, damage) for byte in data)


class Bench:
    """The driver with a UART at its port."""

    def __init__(self) -> None:
        self.serial = Serial()
        self.host = Host(self.serial)
        self.host.checkpoint()

    def start(self, uart: Uart) -> Uart:
        """A fresh driver, started with `uart`."""
        self.host.reset()
        ports = range(COM1, COM1 + 8)
        self.host.on_in(ports, uart.read)
        self.host.on_out(ports, uart.write)
        self.host.call(self.serial.start)
        return uart

    def write(self, data: bytes) -> None:
        """Send `data`."""
        for byte in data:
            self.host.call(self.serial.write_byte, byte)

    def read(self, count: int) -> bytes:
        """`count` bytes from the line."""
        return bytes(self.host.call(self.serial.read_byte) for _ in range(count))


@pytest.fixture(scope="module")
def bench() -> Bench:
    return Bench()


def test_the_line_is_set_to_115200_baud_8n1(bench: Bench) -> None:
    uart = bench.start(Uart())
    assert uart.divisor == {Register.DLL: 1, Register.DLM: 0}
    assert uart.written[Register.LCR] == LineControl.EIGHT_BITS
    assert uart.written[Register.FCR] & FifoControl.ENABLE
    assert not uart.written[Register.MCR] & ModemControl.LOOP


@given(data=st.binary(max_size=60), depth=st.sampled_from([1, 16]))
def test_bytes_are_sent_in_order_without_overrun(bench: Bench, data: bytes, depth: int) -> None:
    uart = bench.start(Uart(depth))
    bench.write(data)
    assert uart.sent == data


@given(data=st.binary(min_size=1, max_size=60))
def test_bytes_are_received_in_order(bench: Bench, data: bytes) -> None:
    uart = bench.start(Uart())
    uart.receive(data)
    assert bench.read(len(data)) == data


@pytest.mark.parametrize("damage", list(DAMAGED))
def test_damaged_bytes_are_dropped(bench: Bench, damage: LineStatus) -> None:
    uart = bench.start(Uart())
    uart.receive(b"?", damage)
    uart.receive(b"m")
    assert bench.read(1) == b"m"


def test_what_does_not_fit_the_queue_is_dropped_from_its_end(bench: Bench) -> None:
    uart = bench.start(Uart())
    data = bytes(n % 256 for n in range(CAPACITY + 50))
    uart.receive(data)
    bench.host.call(bench.serial.receive)
    assert bench.read(CAPACITY - 1) == data[: CAPACITY - 1]


class NoUart(Uart):
    """A port where nothing answers: it reads as ones."""

    def read(self, port: int) -> int:
        return 0xFF


def test_output_without_a_uart_goes_nowhere(bench: Bench) -> None:
    uart = bench.start(NoUart())
    bench.write(b"hello")
    assert not uart.sent


def test_input_without_a_uart_never_comes(bench: Bench) -> None:
    bench.start(NoUart())
    bench.host.call(bench.serial.receive)
    assert bench.host[bench.serial.depth] == 0


def test_a_line_that_stops_delays_once_and_goes_on_later(bench: Bench) -> None:
    uart = bench.start(Uart())
    bench.write(b"a" * uart.depth)
    uart.stopped = True
    bench.host[bench.serial.patience] = 100
    bench.write(b"lost")
    assert bench.host[bench.serial.patience] == 1
    uart.stopped = False
    bench.write(b"b")
    assert uart.sent == b"a" * uart.depth + b"b"
    assert bench.host[bench.serial.patience] == PATIENCE
