"""The boot information as it is printed."""

import pytest

from kernel.boot.information import BootInformation
from kernel.boot.memorykind import MemoryKind
from kernel.boot.memorymap import MemoryRegion
from kernel.boot.record import MESSAGES, Damage
from kernel.boot.report import KIND_NAMES, MAX_SHOWN, BootReport
from pykasm import sizeof
from tests.host.console_support import Paper, host_for, parts_on, written
from tests.host.record_support import Range, describe_memory, keep_lists


class Printed:
    """A record, and what is printed of it."""

    def __init__(self) -> None:
        self.paper = Paper()
        parts = parts_on(self.paper)
        self.record, self.report = parts[BootInformation], parts[BootReport]
        self.host = host_for(self.report)
        for name in ("image_load_start", "image_load_end"):
            self.host.define(name, 0)
        keep_lists(self.host, self.record)
        self.host.checkpoint()

    def lines(self) -> list[str]:
        """What is printed now, without changes of colour."""
        self.host.call(self.report.print)
        text = bytes(one for one in written(self.host, self.paper) if one < 0x80)
        self.host.reset()
        return text.decode().splitlines()


@pytest.fixture(scope="module")
def printed() -> Printed:
    return Printed()


def test_an_empty_record_is_printed_as_such(printed: Printed) -> None:
    assert printed.lines() == [
        "loader: ",
        "command line: ",
        "memory map",
        "0 B available",
        "memory: that is too little; 2 MiB are needed",  # here the image has no end
        "no ACPI root",
    ]


@pytest.mark.parametrize("damage", Damage)
def test_every_damage_has_a_message_before_all_else(printed: Printed, damage: Damage) -> None:
    printed.host[printed.record.damage] = damage
    assert printed.lines()[:2] == [f"boot information: {MESSAGES[damage]}", "loader: "]


@pytest.mark.parametrize("kind", MemoryKind)
def test_a_region_is_printed_with_its_last_byte_size_and_kind(
    printed: Printed, kind: MemoryKind
) -> None:
    ranges = [Range(0x100000, 0x480000, kind), Range(0, 1000, kind)]
    describe_memory(printed.host, printed.record, ranges)
    available = "4.5 MiB" if kind is MemoryKind.AVAILABLE else "0 B"
    assert printed.lines()[2:6] == [
        "memory map",
        f"  0000000000000000-00000000000003e7     1000 B  {KIND_NAMES[kind]}",
        f"  0000000000100000-000000000057ffff    4.5 MiB  {KIND_NAMES[kind]}",
        f"{available} available",
    ]


def test_of_a_long_map_only_the_beginning_is_printed_but_all_is_added_up(printed: Printed) -> None:
    count = MAX_SHOWN + 9
    printed.host[printed.record.regions] = int(
        printed.host.bytes(bytes(count * sizeof(MemoryRegion)))
    )
    describe_memory(
        printed.host,
        printed.record,
        (Range(number << 20, 1 << 19, MemoryKind.AVAILABLE) for number in range(count)),
    )
    lines = printed.lines()
    assert len([one for one in lines if one.endswith("available")]) == MAX_SHOWN + 1
    assert lines[-3:-1] == ["  and 9 more", "36.5 MiB available"]


def test_modules_are_printed_with_place_size_and_name(printed: Printed) -> None:
    printed.host.call(printed.record.add_module, 0x300000, 0x300800, "disk.img", 9)
    assert printed.lines()[-3:] == [
        "modules",
        "  0000000000300000      2 KiB  disk.img",
        "no ACPI root",
    ]
