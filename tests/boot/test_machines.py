"""The kernel on the machines that QEMU has, with and without their devices.

A sample runs with all other tests; `pytest -m matrix` runs the whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import combinations
from typing import NamedTuple

import pytest

from pykasm.machine.pytest_plugin import MakeMachine
from pykasm.machine.session import Machine

BOARDS = {
    "q35": ("i8042", "hpet", "pit", "acpi"),
    "pc": ("i8042", "hpet", "pit", "acpi"),
    "microvm": ("pic", "rtc", "pit", "acpi"),
}
"""What each board may lack (`qemu-system-x86_64 -machine BOARD,help`)."""

WAYS = {"direct": {}, "bios": {"direct": False}, "uefi": {"uefi": True}}


class Board(NamedTuple):
    """A machine of QEMU's without some devices, and how it is started."""

    name: str
    lacks: tuple[str, ...] = ()
    way: str = "direct"

    def __str__(self) -> str:
        return "-".join([self.name, *(f"no_{one}" for one in self.lacks), self.way])

    @property
    def arguments(self) -> tuple[str, ...]:
        machine = ",".join([self.name, *(f"{one}=off" for one in self.lacks)])
        display = ("-vga", "none") if self.name == "microvm" else ()
        return ("-machine", machine, *display)

    @property
    def clocks(self) -> set[str]:
        """The clocks that time can be measured by."""
        there = {"pit"} if "pit" not in self.lacks else set()
        # On q35 the firmware has tables of its own, which tell of clocks, where QEMU gives none
        if self.name == "q35" or (self.name == "pc" and "acpi" not in self.lacks):
            there |= {"acpi-pm"} | ({"hpet"} if "hpet" not in self.lacks else set())
        return there

    @property
    def processors(self) -> int:
        """How many of two are told of."""
        return 1 if self.name == "pc" and "acpi" in self.lacks else 2


def whole() -> Iterator[Board]:
    """Every board without any of its devices, and those that are PCs by all ways of starting."""
    for name, devices in BOARDS.items():
        for lacks in subsets(devices):
            yield Board(name, lacks)
            if name != "microvm":
                yield Board(name, lacks, "bios")
        if name != "microvm":
            yield Board(name, (), "uefi")
            yield Board(name, ("i8042", "hpet", "pit"), "uefi")


def subsets(devices: tuple[str, ...]) -> Iterable[tuple[str, ...]]:
    return (some for count in range(len(devices) + 1) for some in combinations(devices, count))


SAMPLE = [
    Board("q35", ("i8042", "hpet", "pit", "acpi")),
    Board("pc"),
    Board("pc", ("i8042", "hpet", "pit", "acpi")),
    Board("pc", ("hpet", "acpi"), "bios"),
    Board("microvm"),
    Board("microvm", ("pic", "rtc", "pit", "acpi")),
]


def works(made: Machine, board: Board) -> None:
    """Have the kernel come to its prompt, knowing what the board has, and pass its tests."""
    made.expect_prompt()
    assert made.command("test basics").splitlines()[-1] == "tests: 1 passed, 0 failed"
    told = [line.split() for line in made.command("time").splitlines()]
    assert {words[1] for words in told if words[0] == "reference"} == board.clocks
    warned = "nothing measures the time-stamp counter" in made.command("dmesg warning")
    assert warned == (not board.clocks)
    assert len(made.command("cpus").splitlines()) == 1 + board.processors


@pytest.mark.parametrize("board", SAMPLE, ids=str)
def test_a_sample_of_machines_works(machine: MakeMachine, board: Board) -> None:
    works(machine(smp=2, arguments=board.arguments, **WAYS[board.way]), board)


@pytest.mark.matrix
@pytest.mark.parametrize("board", [*whole()], ids=str)
def test_every_machine_works(machine: MakeMachine, board: Board) -> None:
    works(machine(smp=2, arguments=board.arguments, **WAYS[board.way]), board)
