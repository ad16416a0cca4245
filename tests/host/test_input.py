"""What people type, from the interrupt to the reader."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.console.output import SerialOutput
from kernel.console.serial import (
    COM1,
    DAMAGED,
    InterruptEnable,
    LineStatus,
    ModemControl,
    Serial,
    UartRegister,
)
from kernel.irq.lines import Lines
from kernel.sched.scheduler import Scheduler
from kernel.sched.waiting import Waiting
from kernel.terminal.backlog import Backlog
from kernel.terminal.input import Input
from kernel.terminal.queue import CAPACITY
from kernel.terminal.reader import Reader
from kernel.terminal.serial import COM1_LINE, SerialInput
from kernel.terminal.source import InputSource
from pykasm import *
from tests.host.console_support import Paper, host_for, parts_on, written
from tests.host.scheduler_support import FakeScheduler, FakeWaiting
from tests.host.uart import Uart

OTHER_LINE = 20
"""The line to which the firmware wires `COM1_LINE` here."""


class FakeBacklog(Subsystem):
    """Counts how often it is told that output goes on."""

    told = bss(U32)

    def __init__(self, output: SerialOutput) -> None:
        self.output = output

    @function
    def start(self) -> None:
        """Do nothing: no output is written here."""

    @function
    def wake(self) -> None:
        """Count."""
        inc(self.told)


class Desk:
    """A driver that listens to a UART, and the reader."""

    def __init__(self) -> None:
        self.paper = Paper()
        output = SerialOutput(Serial())
        self.waiting: Any = FakeWaiting()
        self.backlog: Any = FakeBacklog(output)
        instead = {Serial: output.serial, SerialOutput: output, Backlog: self.backlog}
        others = {Scheduler: FakeScheduler(), Waiting: self.waiting}
        parts = parts_on(self.paper, Lines, instead={**instead, **others})
        lines, self.input, self.driver = parts[Lines], parts[Input], parts[SerialInput]
        self.host = host_for(self.driver)
        self.attached: list[int] = []
        self.result = 0
        self.host.stub(lines.isa, {COM1_LINE: OTHER_LINE}.__getitem__)
        self.host.stub(lines.attach, self.attach)
        self.host.checkpoint()

    def attach(self, line: int, action: object) -> int:
        """Answer for the lines."""
        self.attached.append(line)
        return self.result

    def start(self, uart: Uart) -> Uart:
        """A fresh driver that listens to `uart`."""
        self.host.reset()
        self.attached.clear()
        ports = range(COM1, COM1 + 8)
        self.host.on_in(ports, uart.read)
        self.host.on_out(ports, uart.write)
        self.host.call(self.driver.serial.start)
        self.host.call(self.driver.start)
        return uart

    def receive(self, uart: Uart, data: bytes | bytearray, **how: Any) -> None:
        """Receive `data` byte by byte, with an interrupt for each that asks for one."""
        for byte in data:
            uart.receive(bytes([byte]), **how)
            self.interrupt(uart)

    def interrupt(self, uart: Uart) -> None:
        """Run the handler if the UART asks for it; it must leave nothing to ask for."""
        if uart.interrupting:
            self.host.call(self.driver._interrupt, 0)
        assert not uart.interrupting

    def say(self, data: bytes) -> None:
        """Write `data`, as with interrupts served."""
        output = self.driver.output
        self.host[output.wait] = self.host.address(self.backlog.wake)
        for byte in data:
            self.host.call(output.put, byte)
        self.host.call(output.finish)

    def read(self, count: int) -> bytes:
        """`count` bytes that were typed."""
        return bytes(self.host.call(self.input.read, Reader.MONITOR) for _ in range(count))


@pytest.fixture(scope="module")
def desk() -> Desk:
    return Desk()


@given(data=st.binary(min_size=1, max_size=60))
def test_bytes_are_read_in_order(desk: Desk, data: bytes) -> None:
    uart = desk.start(Uart())
    desk.receive(uart, data)
    assert desk.read(len(data)) == data


def test_the_handler_is_at_the_receiver_on_one_processor_at_a_time(desk: Desk) -> None:
    """Its line may just be on the way to another processor."""
    uart = desk.start(Uart())
    held = set()

    def read(port: int) -> int:
        lock = desk.host[desk.driver.serial.lock]
        held.add(lock.next_ticket - lock.now_serving)
        return uart.read(port)

    desk.host.on_in(range(COM1, COM1 + 8), read)
    desk.receive(uart, b"m")
    assert held == {1}


def test_the_driver_attaches_itself_where_the_port_is_wired_to(desk: Desk) -> None:
    desk.start(Uart())
    assert desk.attached == [OTHER_LINE]


@pytest.mark.parametrize("damage", list(DAMAGED))
def test_damaged_bytes_are_dropped(desk: Desk, damage: LineStatus) -> None:
    uart = desk.start(Uart())
    desk.receive(uart, b"?", damage=damage)
    desk.receive(uart, b"m")
    assert desk.read(1) == b"m"


def test_a_full_queue_makes_the_sender_wait_and_loses_nothing(desk: Desk) -> None:
    uart = desk.start(Uart())
    data = bytes(n % 251 for n in range(CAPACITY + uart.depth))
    desk.receive(uart, data)
    assert not uart.written[UartRegister.MCR] & ModemControl.RTS
    assert uart.overruns == 0
    assert desk.read(CAPACITY) == data[:CAPACITY]
    assert uart.written[UartRegister.MCR] & ModemControl.RTS
    desk.interrupt(uart)
    assert desk.read(uart.depth) == data[CAPACITY:]


@given(steps=st.lists(st.integers(0, 300) | st.integers(-300, 0), max_size=12))
def test_nothing_is_lost_or_stuck_whatever_reader_and_sender_do(
    desk: Desk, steps: list[int]
) -> None:
    uart, sent, read = desk.start(Uart()), bytearray(), bytearray()
    for step in steps:
        for _ in range(step):
            if uart.written[UartRegister.MCR] & ModemControl.RTS:
                sent.append(len(sent) % 251)
                desk.receive(uart, sent[-1:])
        for _ in range(min(-step, len(sent) - len(uart.waiting) - len(read))):
            read += desk.read(1)
            desk.interrupt(uart)
    while len(read) < len(sent):
        read += desk.read(1)
        desk.interrupt(uart)
    assert uart.overruns == 0
    assert read == sent


def test_a_port_without_a_uart_has_no_input(desk: Desk) -> None:
    class NoUart(Uart):
        def read(self, port: int) -> int:
            return 0xFF

    desk.start(NoUart())
    assert desk.attached == []


def test_sources_are_read_beside_each_other(desk: Desk) -> None:
    uart = desk.start(Uart())
    other = desk.host.new(InputSource)
    desk.host.call(desk.input.add, other)
    other.queue.slots[0], other.queue.tail = ord("k"), 1
    desk.receive(uart, b"s")
    assert sorted(desk.read(2)) == sorted(b"ks")


def test_a_line_that_can_not_be_attached_is_told_of(desk: Desk) -> None:
    desk.result = -1
    desk.start(Uart())
    assert b"serial line: no interrupt" in written(desk.host, desk.paper)
    desk.result = 0


def test_the_reader_sleeps_until_something_is_typed(desk: Desk) -> None:
    uart = desk.start(Uart())
    slept = desk.host.stub(desk.waiting.meanwhile, lambda: desk.receive(uart, b"x"))
    assert desk.read(1) == b"x"
    assert len(slept.calls) == 1
    assert desk.host[desk.waiting.woken] == 1


def test_a_reader_who_finds_a_byte_does_not_wait(desk: Desk) -> None:
    uart = desk.start(Uart())
    slept = desk.host.stub(desk.waiting.meanwhile)
    desk.receive(uart, b"xy")
    assert desk.read(2) == b"xy"
    assert slept.calls == []


def test_a_uart_that_is_there_no_more_hangs_nothing(desk: Desk) -> None:
    desk.start(Uart())
    desk.host.on_in(range(COM1, COM1 + 8), lambda port: 0xFF)
    desk.host.call(desk.driver._interrupt, 0)


def test_the_handler_lets_output_go_on_and_tells_of_it(desk: Desk) -> None:
    uart = desk.start(Uart())
    uart.stopped = True
    uart.send(ord("m"))
    desk.say(b"ore")
    assert uart.sent == b"m"
    uart.empty()
    desk.interrupt(uart)
    assert uart.sent == b"more"
    assert desk.host[desk.backlog.told] == 1
    uart.empty()
    desk.interrupt(uart)
    received = InterruptEnable.RECEIVED | InterruptEnable.LINE_STATUS
    assert uart.written[UartRegister.IER] == received


def test_a_break_brings_the_monitor_in_front(desk: Desk) -> None:
    uart = desk.start(Uart())
    desk.host.call(desk.input.put_in_front, Reader.PROGRAMS)
    desk.receive(uart, b"a")
    assert desk.host[desk.input.front] == Reader.PROGRAMS
    desk.receive(uart, b"\0", damage=LineStatus.BREAK)
    assert desk.host[desk.input.front] == Reader.MONITOR
    assert desk.read(1) == b"a"  # which nobody has read; the break is no byte


def test_a_break_is_seen_while_bytes_have_to_wait(desk: Desk) -> None:
    uart = desk.start(Uart())
    desk.host.call(desk.input.put_in_front, Reader.PROGRAMS)
    desk.receive(uart, bytes(CAPACITY))
    uart.receive(b"\0", damage=LineStatus.BREAK)
    desk.host.call(desk.driver._interrupt, 0)
    assert desk.host[desk.input.front] == Reader.MONITOR


def test_bytes_come_and_go_at_once(desk: Desk) -> None:
    """The handler goes on until the UART asks for nothing, whichever reason came first."""
    uart = desk.start(Uart())
    uart.stopped = True
    desk.say(b"a" * 40)
    uart.receive(b"x")
    while uart.pending:
        uart.empty()
        desk.interrupt(uart)
    assert uart.sent == b"a" * 40
    assert desk.read(1) == b"x"


def test_a_byte_that_comes_while_the_handler_sends_is_not_left(desk: Desk) -> None:
    """The line would not interrupt for it any more, as it has never been quiet."""

    class Talkative(Uart):
        def send(self, value: int) -> None:
            super().send(value)
            if value == ord("?"):
                self.receive(b"!")

    uart = desk.start(Talkative())
    uart.stopped = True
    desk.say(b"a" * uart.depth + b"?")
    uart.empty()
    desk.interrupt(uart)
    assert desk.read(1) == b"!"


def test_a_sender_that_waits_does_not_hold_up_output(desk: Desk) -> None:
    uart = desk.start(Uart())
    uart.stopped = True
    desk.say(b"a" * 40)
    desk.receive(uart, bytes(CAPACITY + uart.depth))
    assert not uart.written[UartRegister.MCR] & ModemControl.RTS
    while uart.pending:
        uart.empty()
        desk.interrupt(uart)
    assert uart.sent == b"a" * 40
