"""Interrupt controllers and the firmware's tables, as the monitor shows them."""

import re
import struct
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from pykasm.machine.pytest_plugin import MakeMachine
from pykasm.machine.session import Machine

LEGACY_FIRST = 0x20


class Row(NamedTuple):
    """What `irq` shows of a vector."""

    vector: int
    line: int | None
    to: int | None
    """The processor that serves it."""
    counts: list[int]
    """By processor."""


def interrupts(machine: Machine) -> dict[str, Row]:
    """What `irq` shows, by handler."""
    row = re.compile(
        r"  0x(\w\w)  ([ \d]{4})  ([ \d]{4})((?:  [ \d]{10})+)  0x\w+ <([\w.]+)\+0x0 .*"
    )
    found = [row.fullmatch(line.rstrip()) for line in machine.command("irq").splitlines()]
    return {
        one[5]: Row(
            int(one[1], 16),
            int(one[2]) if one[2].strip() else None,
            int(one[3]) if one[3].strip() else None,
            [int(count) for count in one[4].split()],
        )
        for one in found
        if one
    }


def deferred(machine: Machine) -> list[int]:
    """How much deferred work each processor has done, as `irq` shows it."""
    shown = re.search(r"^  deferred +([ \d]+)  done", machine.command("irq"), re.MULTILINE)
    assert shown
    return [int(count) for count in shown[1].split()]


def test_irq_counts_for_each_processor(machine: MakeMachine) -> None:
    made = machine(smp=3)
    made.expect_prompt()
    assert made.command("test smp.calls_in_all_directions").endswith(" 0 failed")
    heading, *rows = made.command("irq").splitlines()
    assert heading == "vector  line    to     cpu   0     cpu   1     cpu   2  handler"
    calls = next(row for row in rows if "Calls.serve" in row)
    assert all(int(count) > 0 for count in calls.split()[1:4])


@pytest.mark.parametrize(
    "way",
    [{}, {"cpu": "qemu64"}, {"smp": 4}, {"direct": False}, {"uefi": True}],
    ids=["direct", "old processor", "four processors", "bios", "uefi"],
)
def test_irq_counts_what_is_typed(machine: MakeMachine, way: dict[str, Any]) -> None:
    prompt = machine(**way)
    prompt.expect_prompt()
    before, deferred_before = interrupts(prompt), deferred(prompt)
    prompt.key("h", "e", "l", "p", "ret")
    prompt.expect_prompt()
    after, deferred_after = interrupts(prompt), deferred(prompt)
    for name, line, least in (("SerialInput", 4, 1), ("Keyboard", 1, 5)):
        was, row = before[f"{name}._interrupt"], after[f"{name}._interrupt"]
        assert was.line == row.line == line
        assert row.to is not None
        came = [now - then for now, then in zip(row.counts, was.counts, strict=True)]
        assert came[row.to] >= least
        assert sum(came) == came[row.to]
    at = after["Keyboard._interrupt"].to
    assert at is not None
    assert deferred_after[at] > deferred_before[at]
    assert prompt.command("test interrupts").endswith(" 0 failed")


def test_processors_share_the_lines_which_can_be_moved(machine: MakeMachine) -> None:
    prompt = machine(smp=4)
    prompt.expect_prompt()
    rows = interrupts(prompt)
    assert rows["SerialInput._interrupt"].to != rows["Keyboard._interrupt"].to
    for processor in (3, 0, 2, 1):
        assert prompt.command(f"irq 4 {processor}") == ""
        before = interrupts(prompt)["SerialInput._interrupt"]
        after = interrupts(prompt)["SerialInput._interrupt"]
        assert before.to == after.to == processor
        assert after.counts[processor] > before.counts[processor]
        assert sum(after.counts) - after.counts[processor] == (
            sum(before.counts) - before.counts[processor]
        )
    assert prompt.command("irq 4 4") == "no CPU 4 (`cpus` shows them)"
    assert prompt.command("irq 7 0") == "the line 7 can't go there (`irq` shows those that may)"
    assert prompt.command("irq 4") == "usage: irq [LINE CPU]"


@pytest.mark.parametrize("cpu", ["max", "qemu64"])
def test_without_the_io_apic_the_old_controllers_serve(machine: MakeMachine, cpu: str) -> None:
    prompt = machine(command_line="test noapic", cpu=cpu)
    prompt.expect_prompt()
    prompt.key("h", "e", "l", "p", "ret")
    prompt.expect_prompt()
    served = interrupts(prompt)
    assert served["SerialInput._interrupt"][:2] == (LEGACY_FIRST + 4, 4)
    assert served["Keyboard._interrupt"][:2] == (LEGACY_FIRST + 1, 1)
    assert prompt.command("test interrupts").endswith(" 0 failed")


def test_acpi_shows_what_the_machine_has(machine: MakeMachine) -> None:
    prompt = machine(smp=2)
    prompt.expect_prompt()
    said = prompt.command("acpi").splitlines()
    assert {line.split()[0] for line in said if "bytes" in line} >= {"FACP", "APIC", "HPET", "MCFG"}
    assert [line for line in said if "processor" in line] == [
        f"processor with the local APIC {n}" for n in (0, 1)
    ]
    assert "I/O APIC at 0xfec00000, lines from 0" in said
    assert "ISA interrupt 0 is line 2" in said
    assert "ISA interrupt 9 is line 9, active high, level" in said
    assert "power-management timer at port 0x608, 24 bits" in said
    assert "HPET at 0xfed00000" in said
    assert "PCI segment 0, buses 0 to 255 at 0xb0000000" in said
    assert "damaged" not in prompt.output


def test_a_table_of_no_use_is_warned_of_and_left_alone(
    machine: MakeMachine, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    data.write_bytes(b"short")
    tables = [f"sig={name},data={data}" for name in ("HPET", "ODDS")]
    arguments = [word for table in tables for word in ("-acpitable", table)]
    prompt = machine(arguments=("-no-hpet", *arguments))
    warned = re.findall(r"ACPI: the table at (0x\w+) is damaged", prompt.expect_prompt())
    lines = prompt.command("acpi").splitlines()
    assert [line for line in lines if "damaged" in line] == [
        f"HPET  {warned[0]}  41 bytes  damaged"
    ]
    assert any(re.fullmatch(r"ODDS  0x\w+  41 bytes", line) for line in lines)
    assert not any(line.startswith("HPET at") for line in lines)


def test_a_machine_without_acpi_starts(machine: MakeMachine) -> None:
    prompt = machine(arguments=("-no-acpi", "-no-hpet"))
    prompt.expect_prompt()
    prompt.key("h", "e", "l", "p", "ret")
    assert "this list" in prompt.expect_prompt()


@pytest.mark.parametrize("place", [0xF000_0000, 0xFEC0_0000, 0xFED0_0000, 0xB_0000])
def test_a_table_that_names_places_of_other_devices_is_warned_of(
    machine: MakeMachine, tmp_path: Path, place: int
) -> None:
    timer, spaces = tmp_path / "timer", tmp_path / "spaces"
    spaces.write_bytes(struct.pack("<QQHBBI", 0, 0xF000_0000, 0, 0, 255, 0))  # over I/O APICs
    timer.write_bytes(struct.pack("<IBBBBQBHB", 0x8086A201, 0, 64, 0, 0, place, 0, 100, 0))
    tables = ("-acpitable", f"sig=MCFG,data={spaces}", "-acpitable", f"sig=HPET,data={timer}")
    prompt = machine(arguments=("-machine", "pc", "-no-hpet", *tables))
    said = prompt.expect_prompt()
    assert "ACPI: what the table MCFG says can't be; going on without it" in said
    refused = f"ACPI: no HPET can be at {place:#x}; going on without it" in said
    assert refused == (place in (0xFEC0_0000, 0xB_0000))
    assert "00:00.0  8086:1237  0600  host bridge" in prompt.command("pci")


@pytest.mark.parametrize("place", [0xC000_0000, 0xFEE0_0000])
def test_a_table_that_says_otherwise_than_the_ports_is_warned_of(
    machine: MakeMachine, tmp_path: Path, place: int
) -> None:
    spaces = tmp_path / "spaces"
    spaces.write_bytes(struct.pack("<QQHBBI", 0, place, 0, 0, 0, 0))
    prompt = machine(arguments=("-machine", "pc", "-acpitable", f"sig=MCFG,data={spaces}"))
    said = prompt.expect_prompt()
    assert said.count("ACPI: what the table MCFG says can't be; going on without it") == 1
    assert "00:00.0  8086:1237  0600  host bridge" in prompt.command("pci")


@pytest.mark.parametrize("place", [0x10_0000, 1 << 45, (1 << 64) - 4096])
def test_tables_that_lead_where_no_device_can_be_are_warned_of(
    machine: MakeMachine, tmp_path: Path, place: int
) -> None:
    timer, spaces = tmp_path / "timer", tmp_path / "spaces"
    timer.write_bytes(struct.pack("<IBBBBQBHB", 0x8086A201, 0, 64, 0, 0, place, 0, 100, 0))
    spaces.write_bytes(struct.pack("<QQHBBI", 0, place, 0, 0, 255, 0))
    tables = ("-acpitable", f"sig=HPET,data={timer}", "-acpitable", f"sig=MCFG,data={spaces}")
    prompt = machine(arguments=("-machine", "pc", "-no-hpet", *tables))
    said = prompt.expect_prompt()
    assert f"ACPI: no HPET can be at {place:#x}; going on without it" in said
    assert "ACPI: what the table MCFG says can't be; going on without it" in said
    assert "reference   acpi-pm" in prompt.command("time")
    assert "host bridge" in prompt.command("pci")


def test_memory_of_the_firmware_is_not_taken_for_registers(
    machine: MakeMachine, tmp_path: Path
) -> None:
    lookalike, timer = tmp_path / "lookalike", tmp_path / "timer"
    capabilities = 10_000_000 << 32 | 1 << 13
    lookalike.write_bytes(struct.pack("<32Q", *[capabilities] * 32))
    tables = ("-acpitable", f"sig=ODDS,data={lookalike}", "-acpitable", f"sig=HPET,data={timer}")

    def start(place: int) -> Machine:
        timer.write_bytes(struct.pack("<IBBBBQBHB", 0x8086A201, 0, 64, 0, 0, place, 0, 100, 0))
        return machine(arguments=("-no-hpet", *tables))

    first = start(0)
    first.expect_prompt()
    found = re.search(r"^ODDS  (0x\w+)", first.command("acpi"), re.MULTILINE)
    assert found
    place = int(found[1], 16) + 36  # behind its header
    second = start(place)
    said = second.expect_prompt()
    assert f"ACPI: no HPET can be at {place:#x}; going on without it" in said
    assert "reference   hpet" not in second.command("time")


def test_a_machine_whose_interrupts_come_by_the_old_controllers_only(machine: MakeMachine) -> None:
    prompt = machine(cpu="qemu64", arguments=("-machine", "isapc"))
    prompt.expect_prompt()
    prompt.key("h", "e", "l", "p", "ret")
    assert "this list" in prompt.expect_prompt()
    lines = prompt.command("irq").splitlines()
    assert {line.split()[0] for line in lines if "Input" in line or "Keyboard" in line} == {
        "0x21",
        "0x24",
    }
