"""The PCI bus of emulated machines."""

import re

import pytest

from pykasm.machine.pytest_plugin import MakeMachine

DEVICES = ("-device", "edu", "-device", "e1000e")
LINE = re.compile(r"[0-9a-f]{2}:[0-9a-f]{2}\.\d  [0-9a-f]{4}:[0-9a-f]{4}  [0-9a-f]{4}  .+")


@pytest.mark.parametrize("machine_type", ["q35", "pc"])
def test_the_table_names_what_the_machine_has(machine: MakeMachine, machine_type: str) -> None:
    made = machine(arguments=("-machine", machine_type))
    made.expect_prompt()
    lines = made.command("pci").splitlines()
    assert all(LINE.fullmatch(line) for line in lines)
    assert lines[0].startswith("00:00.0  8086:")
    assert any(line.endswith("VGA controller") for line in lines)


def test_devices_behind_bridges_are_found(machine: MakeMachine) -> None:
    made = machine(
        arguments=(
            *("-device", "pci-bridge,id=first,chassis_nr=1"),
            *("-device", "pci-bridge,id=second,bus=first,chassis_nr=2,addr=3"),
            *("-device", "edu,bus=second,addr=5"),
        )
    )
    made.expect_prompt()
    lines = made.command("pci").splitlines()
    assert any(line.startswith("02:05.0  1234:11e8") for line in lines)


def test_devices_of_another_host_bridge_are_found(machine: MakeMachine) -> None:
    made = machine(
        arguments=(
            *("-device", "pxb-pcie,id=far,bus_nr=64"),
            *("-device", "pcie-root-port,id=behind,bus=far,chassis=1"),
            *("-device", "e1000e,bus=behind,romfile="),
        )
    )
    made.expect_prompt()
    lines = made.command("pci").splitlines()
    assert any(line.startswith("40:00.0  1b36:000c  0604") for line in lines)
    assert any(line.startswith("41:00.0  8086:10d3  0200") for line in lines)


def test_a_function_is_shown_in_detail(machine: MakeMachine) -> None:
    made = machine(arguments=("-device", "edu,addr=7"))
    made.expect_prompt()
    said = made.command("pci 00:07.0").splitlines()
    assert said[0] == "00:07.0  1234:11e8  00ff  old device"
    assert any(re.fullmatch(r"  MSI at [0-9a-f]{2}", line) for line in said)
    assert any(re.fullmatch(r"  0  memory  [0-9a-f]{16}, 1 MiB", line) for line in said)


@pytest.mark.parametrize(
    "word", ["00:1e.7", "x", "1", "100:0.0", "0:20.0", "0:0.8", ":::", "0:0:0", "0:0."]
)
def test_a_place_without_a_function_gets_one_line(machine: MakeMachine, word: str) -> None:
    made = machine()
    made.expect_prompt()
    assert made.command(f"pci {word}") == f"no function is at {word} (`pci` lists them)"


@pytest.mark.parametrize("processors", [1, 4])
def test_messages_arrive_as_interrupts(machine: MakeMachine, processors: int) -> None:
    made = machine(arguments=DEVICES, smp=processors)
    made.expect_prompt()
    for _ in range(4):  # messages go to another processor each time
        assert made.command("test pci").splitlines()[-1] == "tests: 2 passed, 0 failed"


def test_tests_of_missing_devices_say_what_they_need(machine: MakeMachine) -> None:
    made = machine()
    made.expect_prompt()
    said = made.command("test pci").splitlines()
    assert [line.split()[1:] for line in said[:2]] == [
        ["needs", "`-device", "edu`:", "skipped"],
        ["needs", "`-device", "e1000e`:", "skipped"],
    ]
    assert said[2:] == ["tests: 0 passed, 0 failed"]
