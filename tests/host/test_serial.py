"""Sending on a serial line, with a model of a 16550."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.console.output import RESERVE, RING_SIZE, SerialOutput
from kernel.console.serial import (
    COM1,
    TIMEOUT,
    FifoControl,
    InterruptEnable,
    LineControl,
    ModemControl,
    Serial,
    UartRegister,
)
from kernel.locks.waitqueue import WaitQueue
from pykasm import *
from pykasm.hostrun import Host
from tests.host.uart import Uart

SHORT_TIMEOUT = 100
"""So that a line which has stopped does not take a test long."""


class Writer(Subsystem):
    """What calls the output, with the lock where it has to be held."""

    waited = bss(U32)

    def __init__(self, output: SerialOutput) -> None:
        self.output = output
        self.serial = output.serial

    @function(exported=True)
    def write(self, bytes: Ptr[U8], length: U64) -> None:
        """Put so many bytes, and finish."""
        bytes, length = keep(bytes), keep(length)
        self.put(bytes, length)
        cli()
        self.output.finish()
        sti()

    @function(exported=True)
    def put(self, bytes: Ptr[U8], length: U64) -> None:
        """Put so many bytes."""
        bytes, length = keep(bytes), keep(length)
        cli()
        with while_(length != 0):
            self.output.put(at(bytes))
            inc(bytes)
            dec(length)
        sti()

    @function(exported=True)
    def interrupt(self) -> None:
        """What a handler does."""
        with self.serial.lock.held():
            ignore(self.serial.read(UartRegister.IIR))
            self.output.handle_interrupt()

    @function(exported=True)
    def begin(self) -> None:
        """Serve interrupts from now on."""
        lea(rax, self.wait)
        mov(self.output.wait, rax)

    @function(exported=True)
    def wait_for_space(self) -> None:
        """What a thread does before it writes."""
        self.output.wait_for_space()

    @function
    def wait(self, queue: Ptr[WaitQueue]) -> None:
        """Count."""
        inc(self.waited)


class Bench:
    """The driver with a UART at its port."""

    def __init__(self) -> None:
        self.serial = Serial()
        self.output = SerialOutput(self.serial)
        self.writer = Writer(self.output)
        self.host = Host(self.writer)
        self.host.checkpoint()

    def start(self, uart: Uart, *, served: bool = False) -> Uart:
        """A fresh driver, started with `uart`; its interrupts are served or not."""
        self.host.reset()
        ports = range(COM1, COM1 + 8)
        self.host.on_in(ports, uart.read)
        self.host.on_out(ports, uart.write)
        self.host.call(self.serial.start)
        if served:
            self.host.call(self.writer.begin)
        return uart

    def put(self, data: bytes) -> None:
        """Put `data`."""
        self._give(self.writer.put, data)

    def write(self, data: bytes) -> None:
        """Put `data`, and finish."""
        self._give(self.writer.write, data)

    def _give(self, function: Callable[..., None], data: bytes) -> None:
        if data:
            self.host.call(function, self.host.bytes(data), len(data))

    def finish(self) -> None:
        """Say that what was put may go."""
        self.host.call(self.writer.write, 0, 0)

    def let_go_on(self, uart: Uart) -> None:
        """Send bytes on the line until none waits."""
        while uart.pending or uart.interrupting:
            uart.empty()
            self.interrupt(uart)

    def interrupt(self, uart: Uart) -> None:
        """Run the handler as long as the UART asks for it."""
        while uart.interrupting:
            self.host.call(self.writer.interrupt)


@pytest.fixture(scope="module")
def bench() -> Bench:
    return Bench()


def test_the_line_is_set_to_115200_baud_8n1(bench: Bench) -> None:
    uart = bench.start(Uart())
    assert uart.divisor == {UartRegister.DLL: 1, UartRegister.DLM: 0}
    assert uart.written[UartRegister.LCR] == LineControl.EIGHT_BITS
    assert uart.written[UartRegister.FCR] & FifoControl.ENABLE
    assert not uart.written[UartRegister.MCR] & ModemControl.LOOP


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
    bench.host[bench.serial.timeout] = SHORT_TIMEOUT
    bench.write(b"lost")
    assert bench.host[bench.serial.timeout] == 1
    uart.stopped = False
    bench.write(b"b")
    assert uart.sent == b"a" * uart.depth + b"b"
    assert bench.host[bench.serial.timeout] == TIMEOUT


class Moody(Uart):
    """Its transmitter becomes empty when the test likes, also between any two accesses."""

    def __init__(self, depth: int, moods: list[bool]) -> None:
        super().__init__(depth)
        self.moods = moods

    def turn(self) -> None:
        """Become empty, perhaps."""
        if self.moods and self.moods.pop():
            self.empty()

    def read(self, port: int) -> int:
        self.turn()
        value = super().read(port)
        self.turn()
        return value

    def write(self, port: int, value: int) -> None:
        self.turn()
        super().write(port, value)
        self.turn()


STEPS = st.lists(st.binary(max_size=50) | st.sampled_from(["finish", "empty", "interrupt"]))


@given(
    steps=STEPS,
    depth=st.sampled_from([1, 16]),
    lazy=st.booleans(),
    moods=st.lists(st.booleans(), max_size=100),
)
def test_everything_comes_out_once_and_in_order_whatever_comes_between(
    bench: Bench, steps: list[bytes | str], depth: int, lazy: bool, moods: list[bool]
) -> None:
    uart = bench.start(Moody(depth, moods), served=True)
    assert isinstance(uart, Moody)
    uart.stopped, uart.lazy = True, lazy
    for step in steps:
        if isinstance(step, bytes):
            bench.put(step)
        elif step == "finish":
            bench.finish()
        elif step == "empty":
            uart.empty()
        else:
            bench.interrupt(uart)
    bench.finish()
    bench.let_go_on(uart)
    assert uart.sent == b"".join(step for step in steps if isinstance(step, bytes))
    assert not bench.host[bench.serial.ier]


@pytest.mark.parametrize("lazy", [False, True])
def test_a_line_that_becomes_empty_behind_a_look_at_it_goes_on(bench: Bench, lazy: bool) -> None:
    class Late(Uart):
        def status(self) -> int:
            status = super().status()
            self.empty()
            return status

    uart = bench.start(Late(), served=True)
    uart.stopped, uart.lazy = True, lazy
    bench.write(b"a" * 100)
    bench.let_go_on(uart)
    assert uart.sent == b"a" * 100


def test_what_the_line_takes_at_once_needs_no_interrupt(bench: Bench) -> None:
    uart = bench.start(Uart(), served=True)
    bench.write(b"a" * 100)
    assert uart.sent == b"a" * 100
    assert not bench.host[bench.serial.ier]


def test_a_writer_leaves_what_the_line_does_not_take_to_interrupts(bench: Bench) -> None:
    uart = bench.start(Uart(), served=True)
    uart.stopped = True
    bench.write(b"a" * 100)
    assert uart.sent == b"a" * uart.depth
    assert bench.host[bench.serial.ier] == InterruptEnable.TRANSMITTER_EMPTY


MUCH = bytes(n % 251 for n in range(RING_SIZE + 16))
"""So much that the transmitter and the ring are full."""


def fill(bench: Bench, uart: Uart) -> None:
    """Fill the transmitter and the ring of a line that has stopped."""
    uart.stopped = True
    bench.write(MUCH[: uart.depth])
    bench.write(MUCH[uart.depth :])
    assert len(uart.sent) == uart.depth


def test_who_finds_the_ring_full_waits_for_the_line(bench: Bench) -> None:
    uart = bench.start(Uart(), served=True)
    fill(bench, uart)
    uart.stopped = False
    bench.write(b"the end")
    assert uart.sent == MUCH + b"the end"


def test_a_full_ring_keeps_what_it_has_while_the_line_takes_nothing(bench: Bench) -> None:
    uart = bench.start(Uart(), served=True)
    fill(bench, uart)
    bench.host[bench.serial.timeout] = SHORT_TIMEOUT
    bench.write(b"lost")
    bench.let_go_on(uart)
    assert bench.host[bench.serial.timeout] == TIMEOUT
    bench.write(b"the end")
    bench.let_go_on(uart)
    assert uart.sent == MUCH + b"the end"


@pytest.mark.parametrize("served", [True, False])
def test_threads_wait_where_there_is_no_room_for_a_text(bench: Bench, served: bool) -> None:
    uart = bench.start(Uart(), served=served)
    uart.stopped = True
    bench.put(bytes(RING_SIZE - RESERVE))
    bench.host.call(bench.writer.wait_for_space)
    assert not bench.host[bench.writer.waited]
    bench.put(b"a")
    bench.host.call(bench.writer.wait_for_space)
    assert bench.host[bench.writer.waited] == served


def test_a_panic_takes_the_line_and_sends_what_waits_before_its_report(bench: Bench) -> None:
    uart = bench.start(Uart(), served=True)
    uart.stopped = True
    bench.write(b"a" * 100)
    bench.put(b"an unfinished line")
    bench.host[bench.serial.lock].next_ticket += 1
    uart.stopped = False
    bench.host.call(bench.output.break_lock)
    assert uart.sent == b"a" * 100 + b"an unfinished line"
    bench.write(b"panic")
    assert uart.sent.endswith(b"linepanic")
    assert not bench.host[bench.output.wait]


def test_flushed_output_has_gone_out(bench: Bench) -> None:
    uart = bench.start(Uart(), served=True)
    uart.stopped = True
    bench.write(b"a" * 100)
    uart.stopped = False
    bench.host.call(bench.output.flush)
    assert uart.sent == b"a" * 100
    assert not uart.pending


def test_there_is_nothing_to_flush_without_a_uart(bench: Bench) -> None:
    bench.start(NoUart())
    bench.host.call(bench.output.flush, limit=1000)
