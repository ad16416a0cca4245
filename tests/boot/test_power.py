"""Switching off and rebooting, as QEMU sees it."""

import pytest

from pykasm.machine.pytest_plugin import MakeMachine
from pykasm.machine.qemu import POWEROFF_STATUS

SWITCHED_OFF = 0
"""QEMU's exit status when the guest switched the machine off, or reset it under `-no-reboot`."""

MICROVM = ("-machine", "microvm", "-vga", "none")
"""A machine of QEMU's with hardware-reduced ACPI: its power registers lie in memory."""

WAYS = pytest.mark.parametrize(
    "way", [{}, {"direct": False}, {"uefi": True}], ids=["direct", "bios", "uefi"]
)


@WAYS
def test_power_goes_off_by_acpi(machine: MakeMachine, way: dict[str, bool]) -> None:
    made = machine(command_line="", **way)
    assert "without them" not in made.expect_prompt()
    made.send_line("poweroff")
    assert made.wait_exit() == SWITCHED_OFF


def test_power_goes_off_by_the_emulator_under_test(machine: MakeMachine) -> None:
    made = machine()
    made.expect_prompt()
    made.send_line("poweroff")
    assert made.wait_exit() == POWEROFF_STATUS


def test_power_goes_off_where_only_an_ssdt_tells_how(machine: MakeMachine) -> None:
    made = machine(command_line="", arguments=("-no-acpi",))  # the firmware's own tables remain
    made.expect_prompt()
    made.send_line("poweroff")
    assert made.wait_exit() == SWITCHED_OFF


def test_power_goes_off_by_the_emulator_where_acpi_does_not_tell_how(machine: MakeMachine) -> None:
    made = machine(command_line="", arguments=(*MICROVM, "-no-acpi"))
    made.expect_prompt()
    made.send_line("poweroff")
    assert made.wait_exit() == POWEROFF_STATUS


@WAYS
def test_a_reboot_resets_the_machine(machine: MakeMachine, way: dict[str, bool]) -> None:
    made = machine(**way)
    made.expect_prompt()
    made.send_line("reboot")
    assert made.wait_exit() == SWITCHED_OFF


def test_a_rebooted_machine_starts_again(machine: MakeMachine) -> None:
    made = machine(reboot=True)
    first = made.expect_prompt()
    made.send_line("reboot")
    assert made.expect_prompt().splitlines()[-3:] == first.splitlines()[-3:]


def test_a_machine_without_acpi_is_reset_by_its_keyboard_controller(machine: MakeMachine) -> None:
    made = machine(reboot=True, arguments=("-no-acpi",))
    made.expect_prompt()
    made.send_line("reboot")
    made.expect_prompt()


@pytest.mark.parametrize("command", ["poweroff", "reboot"])
def test_hardware_reduced_acpi_ends_the_machine(machine: MakeMachine, command: str) -> None:
    made = machine(command_line="", arguments=MICROVM)
    made.expect_prompt()
    made.send_line(command)
    assert made.wait_exit() == SWITCHED_OFF
    assert "no register" not in made.last_output()
