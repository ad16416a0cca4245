"""Leading interrupts to actions, on models of the interrupt controllers."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.acpi.madt import InterruptModel, IoApicEntry, MadtEntryType, OverrideEntry
from kernel.acpi.tables import AcpiTables
from kernel.boot.information import BootInformation
from kernel.cpu.trapframe import TrapFrame
from kernel.errno import Errno
from kernel.interrupts.action import Action
from kernel.interrupts.dispatcher import Dispatcher
from kernel.interrupts.localapic import LocalApic
from kernel.interrupts.pic import Pic, PicPort
from kernel.interrupts.vectors import InterruptVector
from kernel.irq.ioapic import NO_ANSWER, IoApicRegister, IoApics, RedirectionEntry
from kernel.irq.lines import Lines
from kernel.mm.directmap import DirectMap
from kernel.paging.addresses import Area
from kernel.processors.processor import Processor
from kernel.processors.processors import Processors
from kernel.structures.list import ListHead
from pykasm import *
from tests.host.console_support import Paper, host_for, parts_on, written

APIC_ID = 5
DEVICE_VECTORS = range(InterruptVector.FIRST_DEVICE, InterruptVector.LAST_DEVICE + 1)


FAR = 0x100
"""The local APIC of a processor that no line can lead to."""
PROCESSORS = [APIC_ID, 1, FAR, 9]
"""The local APICs of all processors, in the order of their numbers."""
REACHED = [5, 1, 9]
"""Those that lines lead to."""


class Apic(Subsystem):
    """The local APIC of the processor."""

    ended = bss(U32)
    base = bss(U64)
    action = data(Action, Action())

    def end_interrupt(self) -> None:
        """Count."""
        inc(self.ended)

    @function
    def find(self) -> U64:
        """As if in x2APIC mode."""
        ret(0)

    @function
    def start(self) -> None:
        """Nothing to do."""

    @function
    def id(self) -> U32:
        """The number."""
        ret(APIC_ID)

    @function
    def accept_legacy(self) -> None:
        """Answered by the tests."""


def madt(*entries: bytes) -> bytes:
    """A table with these entries, without a checksum."""
    body = b"".join(entries)
    return struct.pack("<4sI28sII", b"APIC", 44 + len(body), b"", 0xFEE00000, 1) + body


def io_apic(address: int, first: int) -> bytes:
    return struct.pack("<BBBBII", MadtEntryType.IO_APIC, 12, 0, 0, address, first)


def override(source: int, line: int, signal: int = 0) -> bytes:
    return struct.pack("<BBBBIH", MadtEntryType.OVERRIDE, 10, 0, source, line, signal)


class IoApicModel:
    """The registers of an I/O APIC with `count` lines; with none, nothing answers."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.entries = [[0, 0] for _ in range(count)]

    def read(self, register: int) -> int:
        if not self.count:
            return NO_ANSWER
        if register == IoApicRegister.VERSION:
            return 0x20 | self.count - 1 << 16
        return self.entries[(register - 0x10) // 2][register % 2]

    def write(self, register: int, value: int) -> None:
        self.entries[(register - 0x10) // 2][register % 2] = value

    def __getitem__(self, line: int) -> tuple[int, int]:
        """The lower and the upper half of an entry."""
        low, high = self.entries[line]
        return low, high


class Entries(Subsystem):
    """Notes where entries of the table are."""

    count = bss(U64)
    found = bss(U64 * 32)

    def __init__(self, model: InterruptModel) -> None:
        self.model = model

    @function
    def io_apics(self) -> None:
        """Note those of I/O APICs."""
        with self.model.each(IoApicEntry) as entry:
            self.note(u64(entry))

    @function
    def overrides(self) -> None:
        """Note those of overrides."""
        with self.model.each(OverrideEntry) as entry:
            self.note(u64(entry))

    @function
    def note(self, address: U64) -> None:
        """Note one."""
        mov(rax, self.count)
        mov(self.found[rax], address)
        inc(self.count)


class Board:
    """A host with everything between a device's line and its driver."""

    def __init__(self) -> None:
        self.paper: Any = Paper()
        self.apic: Any = Apic()
        parts = parts_on(self.paper, AcpiTables, DirectMap, instead={LocalApic: self.apic})
        self.tables, self.model, self.memory = (
            parts[AcpiTables],
            parts[InterruptModel],
            parts[DirectMap],
        )
        self.io_apics, self.dispatcher, self.pic = parts[IoApics], parts[Dispatcher], parts[Pic]
        self.record, self.processors = parts[BootInformation], parts[Processors]
        self.lines = parts[Lines]
        self.entries = Entries(self.model)
        self.host = host_for(self.lines, self.entries)
        self.host.define("image_load_start", 0)
        self.host.define("image_load_end", 0)
        for function in (self.memory.claim_registers, self.memory.find_registers):
            self.host.stub(function, lambda start, length: Area.DIRECT_MAP + start)
        self.host.stub(self.io_apics.read, lambda base, register: self.at(base).read(register))
        self.host.stub(self.io_apics.write, self.write)
        self.legacy_accepted = self.host.stub(self.apic.accept_legacy)
        self.host.on_out(range(0x20, 0xA2), self.out)
        self.host.checkpoint()

    def start(self, table: bytes | None, **io_apics: IoApicModel) -> None:
        """Start over with the firmware's `table` and I/O APICs at `aADDRESS`."""
        self.host.reset()
        self.legacy_accepted.calls.clear()
        self.ports: dict[int, int] = {}
        self.called: list[int] = []
        self.controllers = {int(name[1:], 16): one for name, one in io_apics.items()}
        found = None if table is None else int(self.host.bytes(table, fenced=True))
        self.host.stub(self.tables.find, lambda signature, size: found)
        self.host.call(self.model.start)
        self.host.call(self.lines.start)
        self.records = {
            apic: self.host.new(Processor, number=n, apic=apic) for n, apic in enumerate(PROCESSORS)
        }
        self.run_on(PROCESSORS)

    def run_on(self, apics: list[int]) -> None:
        """Make these processors, by their local APICs."""
        places = [int(self.records[apic]) for apic in apics]
        ring = [int(self.host.address(self.processors.all)), *places]
        for place, behind in zip(ring, [*ring[1:], ring[0]], strict=True):
            self.host.at(ListHead, place).next = behind

    def at(self, base: int) -> IoApicModel:
        """The I/O APIC whose registers are mapped at `base`."""
        return self.controllers.get(base - Area.DIRECT_MAP) or IoApicModel(0)

    def write(self, base: int, register: int, value: int) -> None:
        self.at(base).write(register, value)

    def out(self, port: int, value: int) -> None:
        self.ports[port] = value

    def action(self, number: int) -> Any:
        """An action that notes `number`."""
        return self.host.new(Action, handler=self.called.append, argument=number)

    def attach(self, line: int, number: int) -> Any:
        """Attach a new action, which must succeed."""
        made = self.action(number)
        assert self.host.call(self.lines.attach, line, made) == 0
        return made

    def interrupt(self, vector: int) -> list[int]:
        """The numbers of the actions that are called on `vector`, in order of their numbers."""
        self.called.clear()
        self.host.call(self.dispatcher.serve, self.host.new(TrapFrame, vector=vector))
        return sorted(self.called)


@pytest.fixture(scope="module")
def board() -> Board:
    return Board()


def usual(board: Board) -> IoApicModel:
    """Start with one I/O APIC of 24 lines and the wiring of a PC."""
    made = IoApicModel(24)
    board.start(madt(io_apic(0xFEC00000, 0), override(0, 2), override(9, 9, 0xD)), afec00000=made)
    return made


def test_all_lines_are_silent_at_first(board: Board) -> None:
    controller = usual(board)
    assert all(low == RedirectionEntry.MASKED for low, _ in controller.entries)
    assert board.ports[PicPort.FIRST_MASK] == 0xFF & ~(1 << 2)
    assert board.ports[PicPort.SECOND_MASK] == 0xFF


@pytest.mark.parametrize(
    ("line", "signal"),
    [
        (1, 0),
        (9, RedirectionEntry.LEVEL),
        (15, 0),
        (16, RedirectionEntry.LEVEL | RedirectionEntry.ACTIVE_LOW),
    ],
    ids=["isa", "isa with an override", "last of isa", "pci"],
)
def test_an_attached_line_calls_its_action(board: Board, line: int, signal: int) -> None:
    controller = usual(board)
    board.attach(line, 7)
    low, high = controller[line]
    assert low & ~0xFF == signal
    assert low & 0xFF in DEVICE_VECTORS
    assert high >> 24 in REACHED
    assert board.interrupt(low & 0xFF) == [7]
    assert board.host[board.apic.ended] == 1


def test_devices_on_one_line_share_its_vector(board: Board) -> None:
    controller = usual(board)
    first, second = board.attach(17, 1), board.attach(17, 2)
    vector = controller[17][0] & 0xFF
    assert board.interrupt(vector) == [1, 2]
    board.host.call(board.lines.detach, 17, first)
    assert board.interrupt(vector) == [2]
    assert not controller[17][0] & RedirectionEntry.MASKED
    board.host.call(board.lines.detach, 17, second)
    assert board.interrupt(vector) == []
    assert controller[17][0] & RedirectionEntry.MASKED


def test_the_wiring_of_the_firmware_counts(board: Board) -> None:
    usual(board)
    wired = [board.host.call(board.lines.isa, source) for source in range(16)]
    assert wired == [2, *range(1, 16)]


def test_the_vector_of_an_action_is_known_until_it_is_released(board: Board) -> None:
    usual(board)
    actions = [board.action(n) for n in range(3)]
    vectors = [board.host.call(board.dispatcher.allocate, one) for one in actions]
    board.host.call(board.dispatcher.release, vectors[1], actions[1])
    known = [board.host.call(board.dispatcher.allocated, one) for one in actions]
    assert known == [vectors[0], 0, vectors[2]]


@pytest.mark.parametrize("line", [24, 99, 0xFFFF_FFFF])
def test_a_line_that_is_not_there_can_not_be_attached(board: Board, line: int) -> None:
    usual(board)
    vectors = [board.host.call(board.dispatcher.allocate, board.action(n)) for n in range(3)]
    assert board.host.call(board.lines.attach, line, board.action(1)) == -Errno.EINVAL
    assert board.host.call(board.dispatcher.allocate, board.action(4)) == max(vectors) + 1


def test_lines_of_all_io_apics_are_reached(board: Board) -> None:
    first, second = IoApicModel(24), IoApicModel(8)
    board.start(
        madt(io_apic(0xFEC00000, 0), io_apic(0xFEC10000, 24)), afec00000=first, afec10000=second
    )
    board.attach(31, 3)
    assert board.interrupt(second[7][0] & 0xFF) == [3]
    assert board.host.call(board.lines.attach, 32, board.action(1)) == -Errno.EINVAL


def test_without_a_table_the_usual_io_apic_is_tried(board: Board) -> None:
    controller = IoApicModel(24)
    board.start(None, afec00000=controller)
    assert board.host.call(board.lines.isa, 0) == 2
    board.attach(4, 6)
    assert board.interrupt(controller[4][0] & 0xFF) == [6]


def test_without_an_io_apic_the_old_controllers_serve(board: Board) -> None:
    board.start(None)
    assert len(board.legacy_accepted.calls) == 1
    assert board.host.call(board.lines.isa, 0) == 0
    first, second = board.attach(4, 1), board.attach(4, 2)
    board.attach(12, 3)
    assert board.ports[PicPort.FIRST_MASK] == 0xFF & ~(1 << 2 | 1 << 4)
    assert board.ports[PicPort.SECOND_MASK] == 0xFF & ~(1 << 4)
    assert board.interrupt(InterruptVector.LEGACY + 4) == [1, 2]
    assert board.interrupt(InterruptVector.LEGACY + 12) == [3]
    board.host.call(board.lines.detach, 4, first)
    assert not board.ports[PicPort.FIRST_MASK] & 1 << 4
    board.host.call(board.lines.detach, 4, second)
    assert board.ports[PicPort.FIRST_MASK] & 1 << 4
    assert board.host.call(board.lines.attach, 16, board.action(1)) == -Errno.EINVAL


def test_vectors_run_out_with_an_error_and_come_back(board: Board) -> None:
    usual(board)
    actions = [board.action(n) for n in DEVICE_VECTORS]
    vectors = [board.host.call(board.dispatcher.allocate, one) for one in actions]
    assert vectors == list(DEVICE_VECTORS)
    assert board.host.call(board.dispatcher.allocate, board.action(0)) == 0
    assert board.host.call(board.lines.attach, 3, board.action(0)) == -Errno.ENOSPC
    board.host.call(board.dispatcher.release, vectors[9], actions[9])
    assert board.host.call(board.dispatcher.allocate, board.action(0)) == vectors[9]


@given(
    steps=st.lists(st.tuples(st.booleans(), st.sampled_from([1, 4, 17]), st.integers(0, 5))),
)
def test_each_line_calls_exactly_what_is_attached(
    board: Board, steps: list[tuple[bool, int, int]]
) -> None:
    controller = usual(board)
    attached: dict[tuple[int, int], Any] = {}
    for attach, line, number in steps:
        if attach and (line, number) not in attached:
            attached[line, number] = board.attach(line, number)
        elif not attach and (line, number) in attached:
            board.host.call(board.lines.detach, line, attached.pop((line, number)))
    for line in (1, 4, 17):
        low, _ = controller[line]
        wanted = sorted(number for other, number in attached if other == line)
        assert bool(low & RedirectionEntry.MASKED) is not bool(wanted)
        assert not wanted or board.interrupt(low & 0xFF) == wanted


def test_interrupts_are_counted_by_vector(board: Board) -> None:
    usual(board)
    for vector in (0x40, 0x41, 0x40):
        board.interrupt(vector)
    board.host.call(board.dispatcher.ignore_spurious, board.host.new(TrapFrame))
    counts = list(board.host[board.dispatcher.counts])
    assert {n: count for n, count in enumerate(counts) if count} == {0x40: 2, 0x41: 1, 0xFF: 1}
    assert board.host[board.apic.ended] == 3


def test_serving_an_interrupt_takes_few_instructions(board: Board) -> None:
    controller = usual(board)
    board.attach(4, 1)
    board.interrupt(controller[4][0] & 0xFF)
    assert board.host.instructions <= 40


# Processors


@given(lines=st.lists(st.integers(0, 23), unique=True, min_size=1))
def test_processors_take_turns_in_getting_lines(board: Board, lines: list[int]) -> None:
    controller = usual(board)
    for line in lines:
        board.attach(line, line)
    turns = [REACHED[n % len(REACHED)] for n in range(len(lines))]
    assert [controller[line][1] >> 24 for line in lines] == turns
    board.attach(lines[0], 99)
    assert controller[lines[0]][1] >> 24 == turns[0]


def test_processors_take_turns_in_getting_messages(board: Board) -> None:
    usual(board)
    vectors = [board.host.call(board.dispatcher.allocate, board.action(n)) for n in range(4)]
    addresses = [board.host.call(board.lines.message, vector) for vector in vectors]
    assert addresses == [0xFEE0_0000 | apic << 12 for apic in (5, 1, 9, 5)]
    routes = board.host[board.lines.routes]
    assert [int(routes[vector].processor) for vector in vectors] == [
        int(board.records[apic]) for apic in (5, 1, 9, 5)
    ]
    board.host.call(board.lines.forget, vectors[1])
    assert not board.host[board.lines.routes][vectors[1]].processor


@given(
    attached=st.sets(st.integers(0, 23)), line=st.integers(0, 25), apic=st.sampled_from(PROCESSORS)
)
def test_a_line_can_be_moved_to_any_processor_in_reach(
    board: Board, attached: set[int], line: int, apic: int
) -> None:
    controller = usual(board)
    for one in sorted(attached):
        board.attach(one, one)
    before = [controller[n] for n in range(24)]
    possible = line in attached and apic in REACHED
    result = board.host.call(board.lines.move, line, board.records[apic])
    assert result == (0 if possible else -Errno.EINVAL)
    if possible:
        before[line] = before[line][0], apic << 24
        assert board.interrupt(before[line][0] & 0xFF) == [line]
    assert [controller[n] for n in range(24)] == before


def test_lines_attached_before_other_processors_ran_are_shared_out(board: Board) -> None:
    controller = usual(board)
    board.run_on([APIC_ID])
    for line in (1, 4, 9, 16):
        board.attach(line, line)
    assert {controller[line][1] >> 24 for line in (1, 4, 9, 16)} == {APIC_ID}
    board.run_on(PROCESSORS)
    low = [controller[line][0] for line in (1, 4, 9, 16)]
    board.host.call(board.lines.spread)
    assert [controller[line][1] >> 24 for line in (1, 4, 9, 16)] == [1, 9, 5, 1]
    assert [controller[line][0] for line in (1, 4, 9, 16)] == low


# The table itself

ENTRIES = st.lists(
    st.builds(
        lambda k, n, b: bytes([k, n]) + b,
        st.integers(0, 12),
        st.integers(0, 16),
        st.binary(max_size=14),
    )
    | st.sampled_from([io_apic(0xFEC00000, 0), override(0, 2), io_apic(0x1000, 24)]),
    max_size=8,
)


def sound(body: bytes, kind: MadtEntryType, size: int) -> list[int]:
    """Where `body` has entries of a `kind`, up to the first that makes no sense."""
    found, at = [], 0
    while at + 2 <= len(body) and 2 <= body[at + 1] <= len(body) - at:
        if body[at] == kind and body[at + 1] >= size:
            found.append(at)
        at += body[at + 1]
    return found


def covered(body: bytes) -> int:
    """How many bytes of `body` are entries that make sense."""
    at = 0
    while at + 2 <= len(body) and 2 <= body[at + 1] <= len(body) - at:
        at += body[at + 1]
    return at


@given(entries=ENTRIES)
@pytest.mark.parametrize("struct_", [IoApicEntry, OverrideEntry])
def test_entries_are_found_in_any_table_and_none_beyond_it(
    board: Board, entries: list[bytes], struct_: Any
) -> None:
    kind = MadtEntryType.IO_APIC if struct_ is IoApicEntry else MadtEntryType.OVERRIDE
    board.host.reset()
    body = b"".join(entries)
    table = int(board.host.bytes(madt(body), fenced=True))
    board.host.stub(board.tables.find, lambda signature, size: table)
    board.host.call(board.model.start)
    warned = b"makes no sense" in written(board.host, board.paper)
    assert warned is (covered(body) < len(body))
    walk = board.entries.io_apics if struct_ is IoApicEntry else board.entries.overrides
    board.host.call(walk)
    count = board.host[board.entries.count]
    found = [one - int(table) - 44 for one in board.host[board.entries.found][:count]]
    assert found == sound(body, kind, sizeof(struct_))
