"""Functions, ports and symbols that Python answers for."""

from __future__ import annotations

from typing import NoReturn

import pytest

from pykasm import *
from pykasm.errors import CallMistake, TypeMistake, ValueRangeMistake
from pykasm.hostrun import Host, HostFault, HostStop

COM1 = 0x3F8


class Item(Struct):
    key: I32


class Device(Subsystem):
    """Not assembled where nothing leads to it."""

    @function
    def transfer(self, item: Ptr[Item], count: I32, to: U8) -> I64:
        ret(0)

    @function
    def pair(self) -> tuple[U32, I8]:
        ret(0, 0)

    @function
    def wide(self, a: U64, b: U64, c: U64, d: U64, e: U64, f: U64, g: U64) -> U64:
        ret(g)

    @function
    def notify(self) -> None:
        nop()

    @function
    def panic(self, text: Ptr[U8]) -> NoReturn:
        with loop():
            hlt()


device = Device()
hidden = {"device": device}


class Driver(Subsystem):
    def __init__(self, device: object) -> None:
        self.device = device

    @function
    def transfer(self, item: Ptr[Item], count: I32) -> I64:
        done = self.device.transfer(item, count, 7)
        ret(done)

    @function
    def sum_of_pair(self) -> I64:
        first, second = self.device.pair()
        movsx(rdx, second)
        mov(eax, first)
        add(rax, rdx)
        ret(rax)

    @function
    def wide(self) -> U64:
        seventh = self.device.wide(1, 2, 3, 4, 5, 6, 7)
        ret(seventh)

    @function
    def keeps(self, value: U64) -> U64:
        value = keep(value)
        self.device.notify()
        ret(value)

    @function
    def fail(self) -> None:
        self.device.panic(text("out of memory"))

    @function
    def apply(self, handler: Fn[[I32], I32], value: I32) -> I32:
        handler = keep(handler)
        result = handler(value)
        ret(result)

    @function
    def receive(self) -> U8:
        mov(dx, COM1)
        in_(al, dx)
        ret(al)

    @function
    def send(self, value: U16) -> None:
        mov(eax, u32(value))
        mov(dx, COM1)
        out(dx, ax)

    @function
    def image_size(self) -> U64:
        lea(rax, bare[symbol("image_end")])
        lea(rdx, bare[symbol("image_start")])
        sub(rax, rdx)
        ret(rax)

    @function
    def limit(self) -> U64:
        lea(rax, bare[symbol("device_limit")])
        ret(rax)

    @function
    def read_limit(self) -> U8:
        mov(al, u8[symbol("device_limit")])
        ret(al)


class Elsewhere:
    """What a host does not look into."""

    def __init__(self, device: Device) -> None:
        self.transfer, self.pair, self.wide = device.transfer, device.pair, device.wide
        self.notify, self.panic = device.notify, device.panic


driver = Driver(device)
loose = Driver(Elsewhere(device))
loose.label = "Loose"


@pytest.fixture
def host() -> Host:
    return Host(driver)


def test_a_stub_gets_typed_arguments(host: Host) -> None:
    item = host.new(Item, key=-3)
    stub = host.stub(device.transfer, lambda item, count, to: item.key * count + to)
    assert host.call(driver.transfer, item, -2) == 13
    assert stub.calls == [(item, -2, 7)]


def test_a_stub_gives_two_results(host: Host) -> None:
    host.stub(device.pair, lambda: (10, -1))
    assert host.call(driver.sum_of_pair) == 9


def test_a_stub_gets_arguments_from_the_stack(host: Host) -> None:
    host.stub(device.wide, lambda *given: sum(given))
    assert host.call(driver.wide) == 28


def test_a_stub_for_nothing_needs_no_function(host: Host) -> None:
    stub = host.stub(device.notify)
    assert host.call(driver.keeps, 5) == 5
    assert stub.calls == [()]


def test_a_stub_must_return_what_the_function_returns(host: Host) -> None:
    with pytest.raises(CallMistake, match="so its stand-in has to"):
        host.stub(device.transfer)
    host.stub(device.pair, lambda: 5)
    with pytest.raises(CallMistake, match="has to return 2 values"):
        host.call(driver.sum_of_pair)
    host.stub(device.pair, lambda: (0, 128))
    with pytest.raises(ValueRangeMistake, match="`the result` does not take 0x80"):
        host.call(driver.sum_of_pair)


def test_a_stub_may_call_in_turn(host: Host) -> None:
    host.stub(device.notify, lambda: host.call(driver.transfer, None, 3))
    host.stub(device.transfer, lambda item, count, to: count)
    assert host.call(driver.keeps, 5) == 5


def test_an_exception_of_a_stub_reaches_the_test(host: Host) -> None:
    def fail() -> None:
        raise KeyError("lost")

    host.stub(device.notify, fail)
    with pytest.raises(KeyError, match="lost"):
        host.call(driver.keeps, 5)
    host.stub(device.notify)
    assert host.call(driver.keeps, 6) == 6


def test_a_stub_can_be_replaced(host: Host) -> None:
    host.stub(device.wide, lambda *given: 1)
    host.stub(device.wide, lambda *given: 2)
    assert host.call(driver.wide) == 2


def test_stubs_go_with_a_reset(host: Host) -> None:
    host.stub(device.wide, lambda *given: 99)
    host.reset()
    assert host.call(driver.wide) == 7


def test_stubs_before_a_checkpoint_stay_and_forget_their_calls(host: Host) -> None:
    stub = host.stub(device.wide, lambda *given: 99)
    host.checkpoint()
    host.call(driver.wide)
    host.reset()
    assert stub.calls == []
    assert host.call(driver.wide) == 99


def test_a_function_that_never_returns_stops_the_call(host: Host) -> None:
    stub = host.stub(device.panic)
    with pytest.raises(HostStop) as stop:
        host.call(driver.fail)
    assert stop.value.function == "Device.panic"
    assert host.read_text(stub.calls[0][0]) == "out of memory"


def test_functions_of_subsystems_that_are_not_loaded_can_be_replaced() -> None:
    host = Host(loose)
    host.stub(device.wide, lambda *given: given[-1] + 1)
    assert host.call(loose.wide) == 8


def test_calling_what_is_not_loaded_is_a_fault() -> None:
    host = Host(loose)
    with pytest.raises(HostFault) as fault:
        host.call(loose.wide)
    assert fault.value.report.what == "Loose.wide calls `Device.wide`, which is not loaded"
    assert fault.value.report.fix.startswith("`host.stub(Device.wide, lambda …: value)`")


def test_python_functions_are_values_of_function_pointers(host: Host) -> None:
    assert host.call(driver.apply, lambda value: value * 2, -4) == -8


def test_function_pointers_can_be_called(host: Host) -> None:
    pointer = host.new(Fn[[U64], U64], driver.keeps)[0]
    host.stub(device.notify)
    assert host.call(pointer, 12) == 12


def test_ports_are_read_and_written(host: Host) -> None:
    sent = []
    host.on_in(range(COM1, COM1 + 8), lambda port: 0x1234 + port - COM1)
    host.on_out(COM1, lambda port, value: sent.append((port, value)))
    assert host.call(driver.receive) == 0x34
    host.call(driver.send, 0xABCD)
    assert sent == [(COM1, 0xABCD)]


def test_a_port_that_nothing_answers_for_is_a_fault(host: Host) -> None:
    with pytest.raises(HostFault) as fault:
        host.call(driver.receive)
    assert fault.value.report.what == ("Driver.receive reads port 0x3f8, which nothing answers for")
    assert fault.value.report.fix == "`host.on_in(0x3f8, lambda port: value)`"
    position = fault.value.report.position
    assert position is not None
    assert "in_(" in position.source.text
    with pytest.raises(HostFault, match="writes 0x5 to port 0x3f8"):
        host.call(driver.send, 5)


def test_an_exception_of_a_port_reaches_the_test(host: Host) -> None:
    def fail(port: int) -> int:
        raise KeyError("lost")

    host.on_in(COM1, fail)
    with pytest.raises(KeyError, match="lost"):
        host.call(driver.receive)


class Shared(Subsystem):
    turn = bss(U64)

    @function
    def look_twice(self) -> U64:
        """What `turn` has become between two looks."""
        change = scratch(self.turn)
        neg(change)
        add(change, self.turn)
        ret(change)


def test_another_processor_may_change_memory_between_two_accesses() -> None:
    shared = Shared()
    host = Host(shared)
    assert host.call(shared.look_twice) == 0
    seen: list[int] = []

    def count() -> None:
        seen.append(host[shared.turn])
        host[shared.turn] += 5

    host.on_access(host.address(shared.turn), count)
    assert host.call(shared.look_twice) == 5
    assert seen == [0, 5]
    host.reset()
    assert host.call(shared.look_twice) == 0
    assert seen == [0, 5]


def test_an_exception_in_an_access_reaches_the_test() -> None:
    shared = Shared()
    host = Host(shared)

    def fail() -> None:
        raise KeyError("lost")

    host.on_access(host.address(shared.turn), fail)
    with pytest.raises(KeyError, match="lost"):
        host.call(shared.look_twice)


def test_bounds_of_sections_are_those_of_what_is_loaded(host: Host) -> None:
    assert 0 < host.call(driver.image_size) < 1 << 20


def test_symbols_can_be_defined(host: Host) -> None:
    host.define("device_limit", 0x1000)
    assert host.call(driver.limit) == 0x1000


def test_reading_an_undefined_symbol_is_a_fault(host: Host) -> None:
    with pytest.raises(HostFault) as fault:
        host.call(driver.read_limit)
    assert fault.value.report.what == (
        "Driver.read_limit reads 1 byte at `device_limit`, which nothing loaded defines"
    )


def test_only_functions_can_be_replaced(host: Host) -> None:
    with pytest.raises(CallMistake, match="a host calls and replaces functions"):
        host.stub("Device.wide", lambda: 0)
    with pytest.raises(TypeMistake):
        host.call(driver.apply, 3.5, 1)
