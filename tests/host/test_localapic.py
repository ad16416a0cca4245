"""The local APIC by its registers in memory."""

from __future__ import annotations

import pytest

from kernel.interrupts.localapic import (
    SOFTWARE_ENABLE,
    ApicRegister,
    InterruptCommand,
    LocalApic,
    Lvt,
)
from kernel.interrupts.vectors import InterruptVector
from pykasm import *
from pykasm.hostrun import Host

BASE, SIZE = 0x10000, 0x1000


class Chip:
    """A local APIC whose registers are plain memory."""

    def __init__(self) -> None:
        self.apic = LocalApic()
        self.host = Host(self.apic)
        self.host.map(BASE, SIZE)
        self.host[self.apic.base] = BASE
        self.host.checkpoint()

    def __getitem__(self, register: int) -> int:
        return int.from_bytes(self.host.read(BASE + register, 4), "little")

    def __setitem__(self, register: int, value: int) -> None:
        self.host.write(BASE + register, value.to_bytes(4, "little"))


@pytest.fixture
def chip() -> Chip:
    return Chip()


def test_a_started_apic_accepts_everything_but_the_timer_and_the_8259(chip: Chip) -> None:
    chip[ApicRegister.TASK_PRIORITY] = 0xFF
    chip.host.call(chip.apic.start)
    assert chip[ApicRegister.TASK_PRIORITY] == 0
    assert chip[ApicRegister.SPURIOUS] == SOFTWARE_ENABLE | InterruptVector.SPURIOUS
    assert chip[ApicRegister.LVT_ERROR] == InterruptVector.APIC_ERROR
    assert chip[ApicRegister.LVT_LINT1] == Lvt.NMI
    for register in (ApicRegister.LVT_TIMER, ApicRegister.LVT_LINT0):
        assert chip[register] == Lvt.MASKED


def test_the_8259_is_accepted_where_it_has_to_be(chip: Chip) -> None:
    chip.host.call(chip.apic.start)
    chip.host.call(chip.apic.accept_legacy)
    assert chip[ApicRegister.LVT_LINT0] == Lvt.EXTERNAL


def test_a_command_goes_to_its_destination(chip: Chip) -> None:
    chip.host.call(chip.apic.send, 7, InterruptVector.RESCHEDULE)
    assert chip[ApicRegister.COMMAND_HIGH] == 7 << 24
    assert chip[ApicRegister.COMMAND_LOW] == InterruptVector.RESCHEDULE | InterruptCommand.ASSERT


def test_the_number_is_in_the_upper_bits(chip: Chip) -> None:
    chip[ApicRegister.ID] = 9 << 24
    assert chip.host.call(chip.apic.id) == 9


def test_errors_are_counted_and_kept(chip: Chip) -> None:
    chip.host.stub(chip.apic.read_errors, lambda: 0x40)
    for _ in range(2):
        chip.host.call(chip.apic.note_error, 0)
    assert chip.host[chip.apic.errors] == 2
    assert chip.host[chip.apic.last_errors] == 0x40


def test_in_x2apic_mode_registers_are_msrs(chip: Chip) -> None:
    chip.host[chip.apic.base] = 0
    chip.host.call(chip.apic.write, ApicRegister.LVT_TIMER, 0x1234)
    after = chip.host.registers
    assert (after["rcx"], after["rax"], after["rdx"]) == (0x832, 0x1234, 0)
    chip.host.call(chip.apic.send, 300, InterruptVector.CALL)
    after = chip.host.registers
    assert (after["rcx"], after["rdx"]) == (0x830, 300)
    assert after["rax"] == InterruptVector.CALL | InterruptCommand.ASSERT
