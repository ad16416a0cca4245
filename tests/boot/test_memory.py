"""Physical memory and mappings on machines of many sizes."""

from __future__ import annotations

import re
from typing import Any

import pytest

from kernel.cpu.pagetable import PAGE
from kernel.paging.addresses import RUNTIME_END, Area
from pykasm.machine.pytest_plugin import MakeMachine
from pykasm.machine.qemu import PANIC_STATUS
from pykasm.machine.session import Machine
from tests.boot.test_memory_protection import pages_of

MIB = 1 << 20


def large(gibibytes: int, cpu: str) -> dict[str, Any]:
    """A machine with memory that the host need not have: only what is touched is used."""
    memory = gibibytes * 1024
    unreserved = f"memory-backend-ram,id=ram,size={memory}M,reserve=off"
    arguments = ("-object", unreserved, "-machine", "memory-backend=ram")
    return {"memory": memory, "cpu": f"{cpu},phys-bits=46", "arguments": arguments}


MACHINES = {
    "64 MiB": {"memory": 64},
    "1 GiB": {"memory": 1024},
    "6 GiB": {"memory": 6 * 1024},
    "6 GiB, all features": {"memory": 6 * 1024, "cpu": "max"},
    "256 MiB, BIOS": {"memory": 256, "direct": False},
    "512 MiB, UEFI": {"memory": 512, "uefi": True},
    "64 GiB": large(64, "qemu64"),
}
FAMILIES = ("pages", "mapping")
MAPPING = re.compile(r"^ *([0-9a-f]{16})-([0-9a-f]{16}) .* (r[w-][x-][u-][c-])$", re.MULTILINE)


@pytest.mark.parametrize("settings", MACHINES.values(), ids=MACHINES)
def test_all_memory_can_be_taken_and_comes_back(
    machine: MakeMachine, settings: dict[str, Any]
) -> None:
    made = machine(**settings)
    made.expect_prompt()
    for family in FAMILIES:
        report = made.command(f"test {family}", timeout=120)
        assert re.search(r"tests: [1-9]\d* passed, 0 failed", report), report


AMOUNTS = {
    "64 MiB": {"memory": 64},
    "1 GiB": {"memory": 1024},
    "6 GiB": {"memory": 6 * 1024},
    "1 TiB": large(1024, "qemu64"),
    "1 TiB, all features": large(1024, "max"),
}


@pytest.mark.parametrize("settings", AMOUNTS.values(), ids=AMOUNTS)
def test_nearly_all_memory_is_free(machine: MakeMachine, settings: dict[str, Any]) -> None:
    made = machine(**settings)
    memory = settings["memory"]
    made.expect_prompt()
    found = re.search(r"^(\d+) pages free", made.command("mem"), re.MULTILINE)
    assert found
    # Records of 32 bytes a page, with an entry of 8 bytes for each page of these
    tables = memory * MIB // 128 + memory * MIB // 128 // 512 + 4 * MIB
    assert memory * MIB - tables - 4 * MIB <= int(found[1]) * PAGE < memory * MIB


def mappings(machine: Machine) -> list[tuple[int, int, str]]:
    """What `maps` shows: first byte, last byte, permissions."""
    machine.expect_prompt()
    found = MAPPING.findall(machine.command("maps"))
    return [(int(first, 16), int(last, 16), permissions) for first, last, permissions in found]


def test_maps_shows_what_the_processor_finds(machine: MakeMachine) -> None:
    made = machine(cpu="max")
    shown = mappings(made)
    for page in pages_of_running(made):
        [permissions] = [p for first, last, p in shown if first <= page.address <= last]
        assert permissions == "".join(
            letter if has else "-"
            for has, letter in (
                (True, "r"),
                (page.writable, "w"),
                (page.executable, "x"),
                (page.user, "u"),
                (page.uncached, "c"),
            )
        )


def pages_of_running(machine: Machine) -> list[Any]:
    """As `pages_of`, of a machine whose prompt was seen."""
    machine.send("\r")
    return pages_of(machine)


def test_nothing_is_mapped_in_the_lower_half_or_both_written_and_run(machine: MakeMachine) -> None:
    shown = mappings(machine())
    assert min(first for first, _, _ in shown) >= Area.DIRECT_MAP
    assert [p for _, _, p in shown if "w" in p and "x" in p] == []
    assert {p for first, _, p in shown if Area.RUNTIME <= first < RUNTIME_END} <= {"rw---", "rw--c"}


def test_a_machine_with_too_little_memory_says_so(machine: MakeMachine) -> None:
    made = machine(memory=3)
    assert made.wait_exit() == PANIC_STATUS
    assert re.search(r"panic: (no memory is left for |boot information: )", made.output)
