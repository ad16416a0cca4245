"""Panics that code asks for: the message, and the registers of the caller."""

import re
from typing import Any

import pytest

from kernel.boot.information import BootInformation
from kernel.console.serial import COM1, LineStatus, UartRegister
from kernel.cpu.snapshot import GENERAL
from kernel.cpu.stacks import Stacks
from kernel.debug.emulator import DEBUG_EXIT_PORT, ExitValue
from kernel.debug.panic import END, Panic
from kernel.debug.reportheader import ReportHeader
from kernel.processors.stop import Stop
from pykasm import *
from pykasm.hostrun import HostStop
from pykasm.lang import registers
from tests.host.console_support import Paper, host_for, parts_on, written

VALUES = {name: 0x1111_0000_0000_0000 + number for number, name in enumerate(GENERAL)}


class Failing(Subsystem):
    """Code with known registers that panics."""

    def __init__(self, panic: Panic) -> None:
        self.panic = panic

    @naked
    def stop(self) -> None:
        push(0)
        self._set_registers()
        call(self.panic.stop)

    @naked
    def fail(self) -> None:
        push(0)
        self._set_registers()
        call(self.panic.assertion_failed)

    def _set_registers(self) -> None:
        for name, value in VALUES.items():
            if name not in ("rdi", "rbp"):
                mov(getattr(registers, name), value)
        mov(rdi, text("out of luck"))


class Scene:
    """A host with a panic whose backtrace and last step are Python's."""

    def __init__(self) -> None:
        self.paper: Any = Paper()
        parts = parts_on(self.paper, Stop, ReportHeader)
        self.stopping, self.panic = parts[Stop], parts[Panic]
        self.information, self.stacks = parts[BootInformation], parts[Stacks]
        self.failing = Failing(self.panic)
        self.host = host_for(self.failing)
        for name in ("image_load_start", "image_load_end"):
            self.host.define(name, 0)
        self.traced = self.host.stub(self.panic.backtrace.print)
        self.stopped = self.host.stub(self.stopping.others)
        for end in (self.stopping.halt, self.stopping.here):
            self.host.stub(end)
        self.exits: list[int] = []
        self.sending = 3
        self.host.on_in(COM1 + UartRegister.LSR, lambda _: self.send())
        self.host.on_out(DEBUG_EXIT_PORT, self.exit)
        self.host.checkpoint()

    def send(self) -> int:
        """Send another byte of the UART's; return its line status."""
        self.sending = max(0, self.sending - 1)
        return 0 if self.sending else LineStatus.TEMT

    def exit(self, port: int, value: int) -> None:
        """End the emulator, which drops what the UART has not sent."""
        assert self.sending == 0
        self.exits.append(value)

    def run(self, function: Any, end: str = "halt") -> str:
        """What is printed when `function` runs into a panic, which ends in a way of `Stop`."""
        self.exits.clear()
        with pytest.raises(HostStop, match=rf"^Stop\.{end}"):
            self.host.call(function)
        said = bytes(one for one in written(self.host, self.paper) if one < 0x80)
        return said.decode()


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_a_panic_says_its_message_first_and_its_end_last(scene: Scene) -> None:
    said = scene.run(scene.failing.stop)
    assert said.startswith("\npanic: out of luck\n  at 0x")
    assert said.endswith(f"backtrace\n{END}\n")


def test_a_failed_check_is_told_as_one(scene: Scene) -> None:
    assert scene.run(scene.failing.fail).startswith("\npanic: assertion failed: out of luck\n")


def test_a_panic_shows_the_registers_of_who_asked_for_it(scene: Scene) -> None:
    said = scene.run(scene.failing.stop)
    shown = {name: int(v, 16) for name, v in re.findall(r"(\w+) +([0-9a-f]{16})\b", said)}
    expected = {name: value for name, value in VALUES.items() if name not in ("rdi", "rbp")}
    assert {name: shown[name] for name in expected} == expected
    start = int(scene.host.address(scene.failing.stop))
    assert start < shown["rip"] < start + 0x200
    ((trap,),) = scene.traced.calls
    assert trap.rip == shown["rip"]


def test_under_test_the_emulator_is_left(scene: Scene) -> None:
    scene.host[scene.information.command_line] = b"quiet test"
    scene.run(scene.failing.stop)
    assert scene.exits == [ExitValue.PANIC]


def test_elsewhere_the_machine_halts(scene: Scene) -> None:
    scene.run(scene.failing.stop)
    assert scene.exits == []


def test_a_second_panic_of_the_processor_is_told_briefly(scene: Scene) -> None:
    scene.run(scene.failing.stop)
    said = scene.run(scene.failing.stop)
    assert re.fullmatch(
        rf"\npanic: again, at 0x[0-9a-f]+, cr2 0x[0-9a-f]+, while this was reported\n{END}\n", said
    )


def test_a_third_panic_of_the_processor_is_silent(scene: Scene) -> None:
    for _ in range(2):
        scene.run(scene.failing.stop)
    assert scene.run(scene.failing.stop) == ""


def test_a_panic_of_another_processor_is_silent(scene: Scene) -> None:
    scene.host[scene.panic.reporter] = 9
    assert scene.run(scene.failing.stop, end="here") == ""
    assert scene.host[scene.panic.reporter] == 9
    assert scene.stopped.calls == []


def test_all_others_are_stopped_once(scene: Scene) -> None:
    scene.run(scene.failing.stop)
    scene.run(scene.failing.stop)
    assert scene.stopped.calls == [()]


def test_a_report_is_made_on_a_stack_of_its_own(scene: Scene) -> None:
    stack = scene.stacks.panic
    low, high = (int(scene.host.address(place)) for place in (stack.room, stack.top))
    for _ in range(2):  # one that fails begins there anew
        scene.run(scene.failing.stop)
        assert low < scene.host.registers["rsp"] < high
