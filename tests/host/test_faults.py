"""Exceptions in words."""

import pytest

from kernel.cpu.exceptions import EXCEPTIONS, Vector
from kernel.cpu.pagetable import PAGE
from kernel.cpu.trapframe import TrapFrame
from kernel.debug.faults import NAMES, SELECTOR_VECTORS, SYSTEM_CONTROL_PORT, Faults
from kernel.paging.walk import PageWalk
from tests.host.console_support import Paper, host_for, parts_on, written

MAPPED = 0xFFFF_C000_0000_4000
"""The first page of a stack; the page below is its guard."""


class Told:
    """A host, and what it prints of an exception."""

    def __init__(self) -> None:
        self.paper = Paper()
        parts = parts_on(self.paper, PageWalk)
        self.faults = parts[Faults]
        self.host = host_for(self.faults)
        self.host.stub(parts[PageWalk].is_mapped, lambda address: MAPPED <= address < MAPPED + PAGE)
        self.host.on_in(SYSTEM_CONTROL_PORT, lambda _: 0xFF)
        self.host.checkpoint()

    def lines(self, vector: int, error_code: int = 0) -> list[str]:
        """What is printed of an exception."""
        self.host.reset()
        frame = self.host.new(TrapFrame, vector=vector, error_code=error_code)
        self.host.call(self.faults.print, frame)
        return written(self.host, self.paper).decode().splitlines()


@pytest.fixture(scope="module")
def told() -> Told:
    return Told()


@pytest.mark.parametrize("vector", Vector)
def test_every_exception_is_called_by_its_name(told: Told, vector: Vector) -> None:
    assert told.lines(vector)[0] == f"{NAMES[vector]}, vector {int(vector)}"


@pytest.mark.parametrize(
    ("status", "causes"),
    [
        (0xFF, []),
        (0x00, ["no error of the board: a watchdog, or somebody asked for it"]),
        (0x30, ["no error of the board: a watchdog, or somebody asked for it"]),
        (0x70, ["an error of a card on the bus (IOCHK#)"]),
        (0xB0, ["an error of memory or of PCI (SERR#)"]),
    ],
    ids=["no port", "none", "other bits", "card", "memory"],
)
def test_the_board_tells_why_an_nmi_came(told: Told, status: int, causes: list[str]) -> None:
    told.host.reset()
    told.host.on_in(SYSTEM_CONTROL_PORT, lambda _: status)
    frame = told.host.new(TrapFrame, vector=Vector.NMI)
    told.host.call(told.faults.print, frame)
    said = written(told.host, told.paper).decode().splitlines()
    assert said[1:] == [f"  {cause}" for cause in causes]


@pytest.mark.parametrize("vector", [9, 15, 22, 31])
def test_reserved_vectors_are_called_that(told: Told, vector: int) -> None:
    assert told.lines(vector) == [f"reserved exception, vector {vector}"]


@pytest.mark.parametrize("vector", [EXCEPTIONS, 255, (1 << 64) - 1])
def test_other_vectors_are_unexpected_interrupts(told: Told, vector: int) -> None:
    assert told.lines(vector) == [f"unexpected interrupt, vector {vector}"]


@pytest.mark.parametrize(
    ("code", "sentence", "flags"),
    [
        (0x0, "the kernel read from {}, which is not mapped", ""),
        (0x2, "the kernel wrote to {}, which is not mapped", " RW"),
        (0x3, "the kernel wrote to {}, which is mapped without that permission", " P RW"),
        (0x4, "user code read from {}, which is not mapped", " US"),
        (0x7, "user code wrote to {}, which is mapped without that permission", " P RW US"),
        (0x9, "the kernel read from {}, which is mapped with reserved bits set", " P RSV"),
        (0x10, "the kernel executed {}, which is not mapped", " ID"),
        (0x15, "user code executed {}, which is mapped without that permission", " P US ID"),
        (0x25, "user code read from {}, which is mapped without that permission", " P US PK"),
        (0x8000, "the kernel read from {}, which is not mapped", " SGX"),
    ],
)
def test_a_page_fault_is_told_by_its_error_code(
    told: Told, code: int, sentence: str, flags: str
) -> None:
    assert told.lines(Vector.PAGE_FAULT, code)[1:] == [
        "  " + sentence.format("0x0000000000000000"),
        f"  error code {code:#x}{flags}",
        "  null pointer",
    ]


@pytest.mark.parametrize("vector", SELECTOR_VECTORS)
@pytest.mark.parametrize(
    ("code", "lines"),
    [
        (0, ["  error code 0x0"]),
        (0x18, ["  error code 0x18", "  entry 3 of the descriptor table"]),
        (0x7B, ["  error code 0x7b EXT IDT", "  entry 15 of the descriptor table"]),
        (0x14, ["  error code 0x14 TI", "  entry 2 of the descriptor table"]),
    ],
)
def test_a_segment_fault_names_the_table_entry(
    told: Told, vector: Vector, code: int, lines: list[str]
) -> None:
    assert told.lines(vector, code)[1:] == lines


@pytest.mark.parametrize(
    ("address", "stack", "expected"),
    [
        (MAPPED - 8, MAPPED, 1),
        (MAPPED - 0x200, MAPPED - 0x210, 1),
        (MAPPED - PAGE, MAPPED - PAGE + 8, 1),
        (MAPPED - PAGE - 8, MAPPED - PAGE, 0),
        (MAPPED - 8, MAPPED + 8, 0),
        (MAPPED, MAPPED + 8, 0),
        (0, MAPPED, 0),
        ((1 << 64) - 8, 0, 0),
    ],
)
def test_a_stack_runs_over_where_it_comes_from_a_page_into_none(
    told: Told, address: int, stack: int, expected: int
) -> None:
    told.host.reset()
    assert told.host.call(told.faults.is_overflow, address, stack) == expected
