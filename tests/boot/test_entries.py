"""NMIs and machine checks between any two instructions on the ways into and out of the kernel."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from kernel.cpu.exceptions import Vector
from kernel.interrupts.vectors import InterruptVector
from pykasm.machine.images import Images
from pykasm.machine.symbols import SymbolTable
from tests.boot.entry_walk import DIRECTION, FLAGS, NAMES, TRAP, USER_GS, Walk

Begin = Callable[[Walk], None]

UNKNOWN_CALL = 500
GETPID = 39
DEVICE = InterruptVector.FIRST_DEVICE


def call(
    number: int, flags: int = FLAGS, pending: int = 0, entry: str = "UserEntry.system_call"
) -> Begin:
    def begin(walk: Walk) -> None:
        walk.begin(flags, pending, rax=number)
        walk.system_call(entry)

    return begin


def exception(vector: int, flags: int = FLAGS, pending: int = 0) -> Begin:
    def begin(walk: Walk) -> None:
        walk.begin(flags, pending)
        walk.interrupt(vector)

    return begin


def in_kernel(walk: Walk) -> None:
    walk.begin_kernel()
    walk.interrupt(DEVICE)


WAYS: dict[str, Begin] = {
    "system call": call(GETPID),
    "unknown call": call(UNKNOWN_CALL),
    "call beyond all": call(1 << 40 | 0x7FFF_FFFF),
    "call step by step": call(GETPID, FLAGS | TRAP),
    "traced call": call(GETPID, entry="TracedEntry.system_call"),
    "call with work": call(GETPID, pending=2),
    "exception": exception(Vector.DIVIDE_ERROR),
    "exception with an error code": exception(Vector.PAGE_FAULT, FLAGS | DIRECTION, pending=1),
    "single step": exception(Vector.DEBUG, FLAGS | TRAP),
    "interrupt": exception(DEVICE, FLAGS | DIRECTION),
    "interrupt with work": exception(DEVICE, pending=1),
    "interrupt of the kernel": in_kernel,
}


@pytest.fixture(scope="module")
def fresh(kernel_images: Images) -> Callable[[], Walk]:
    """Makes walks of the kernel."""
    kernel = kernel_images.project.kernel
    symbols = SymbolTable.from_elf(kernel)

    def make() -> Walk:
        with kernel.open("rb") as file:
            return Walk(file, symbols)

    return make


def gone(walk: Walk, begin: Begin, *vectors: int) -> tuple[int, dict[str, int]]:
    """The number of instructions of a way, and what the program has at its end, where some of
    `vectors` come before each instruction."""
    begin(walk)
    count = 0
    for _ in walk.instructions():
        count += 1
        if vectors:
            walk.disturb(*vectors)
    names = [name for name in (*NAMES, "rsp", "rip", "rflags") if name not in ("rax", "rcx", "r11")]
    return count, {name: walk[name] for name in names}


@pytest.mark.parametrize("way", WAYS)
def test_nothing_changes_where_an_nmi_or_a_machine_check_comes(
    fresh: Callable[[], Walk], way: str
) -> None:
    undisturbed = gone(fresh(), WAYS[way])
    for vector in (Vector.NMI, Vector.MACHINE_CHECK):
        walk = fresh()
        assert gone(walk, WAYS[way], vector) == undisturbed
        assert walk.handled == undisturbed[0]
        assert USER_GS in (walk.msr(0xC000_0101), walk.msr(0xC000_0102))


@pytest.mark.parametrize("vectors", [(2, 18), (18, 2)], ids=["in NMIs", "in machine checks"])
def test_they_may_come_within_each_other(
    fresh: Callable[[], Walk], vectors: tuple[int, int]
) -> None:
    begin = WAYS["unknown call"]
    undisturbed = gone(fresh(), begin)
    walk = fresh()
    assert gone(walk, begin, *vectors) == undisturbed
    assert walk.handled > 10 * undisturbed[0]
