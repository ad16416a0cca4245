"""The serial driver on a model of a 16550."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.console.serial import (
    COM1,
    PATIENCE,
    FifoControl,
    LineControl,
    ModemControl,
    Register,
    Serial,
)
from pykasm.hostrun import Host
from tests.host.uart import Uart


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


class NoUart(Uart):
    """A port where nothing answers: it reads as ones."""

    def read(self, port: int) -> int:
        return 0xFF


def test_output_without_a_uart_goes_nowhere(bench: Bench) -> None:
    uart = bench.start(NoUart())
    bench.write(b"hello")
    assert not uart.sent


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
