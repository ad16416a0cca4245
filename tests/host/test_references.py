"""The counters that others are measured by, on models of their registers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.acpi.fadt import FixedDescription
from kernel.acpi.hpet import HpetDescription
from kernel.mm.directmap import DirectMap
from kernel.time.hpet import Hpet
from kernel.time.pit import Pit
from kernel.time.pmtimer import PmTimer
from pykasm.hostrun import Host
from tests.host.console_support import Paper, host_for, parts_on, written

REGISTERS = 0x10_0000
PERIOD = 10_000_000
COUNT_SIZE = 1 << 13
PM_PORT = 0x608


class Bench:
    """The references on a host."""

    def __init__(self) -> None:
        self.paper = Paper()
        parts = parts_on(self.paper, HpetDescription, FixedDescription, DirectMap)
        self.description, self.board = parts[HpetDescription], parts[FixedDescription]
        self.direct_map = parts[DirectMap]
        self.hpet, self.pm_timer, self.pit = parts[Hpet], parts[PmTimer], parts[Pit]
        self.host = host_for(self.hpet, self.pm_timer, self.pit)
        self.host.stub(self.direct_map.claim, lambda start, length: 1)
        self.host.stub(self.direct_map.map_registers, lambda start, length: start)
        self.host.map(REGISTERS, 0x1000)
        self.host.checkpoint()


@pytest.fixture(scope="module")
def pit() -> Bench:
    return Bench()


@pytest.fixture
def bench() -> Bench:
    return Bench()


def start_hpet(bench: Bench, period: int, flags: int) -> None:
    bench.host.write(REGISTERS, (period << 32 | flags).to_bytes(8, "little"))
    bench.host.stub(bench.description.address, lambda: REGISTERS)
    bench.host.call(bench.hpet.start)


@pytest.mark.parametrize(("flags", "bits"), [(0, 32), (COUNT_SIZE, 64)])
def test_the_hpet_counts_in_as_many_bits_as_it_says(bench: Bench, flags: int, bits: int) -> None:
    start_hpet(bench, PERIOD, flags)
    assert bench.host[bench.hpet.reference.period] == PERIOD
    assert bench.host[bench.hpet.reference.mask] == (1 << bits) - 1
    assert bench.host.read(REGISTERS + 0x10, 1) == b"\1"
    bench.host.write(REGISTERS + 0xF0, (0x1234_5678_9ABC).to_bytes(8, "little"))
    assert bench.host.call(bench.hpet.read) == 0x1234_5678_9ABC


@pytest.mark.parametrize("period", [0, 100_000_001, 0xFFFF_FFFF])
def test_an_hpet_with_an_impossible_period_is_not_used(bench: Bench, period: int) -> None:
    start_hpet(bench, period, COUNT_SIZE)
    assert bench.host[bench.hpet.reference.period] == 0
    assert bench.host.read(REGISTERS + 0x10, 1) == b"\0"


def test_an_hpet_where_none_can_be_is_not_touched(bench: Bench) -> None:
    bench.host.stub(bench.direct_map.claim, lambda start, length: 0)
    start_hpet(bench, PERIOD, COUNT_SIZE)
    assert bench.host[bench.hpet.reference.period] == 0
    assert b"ACPI: no HPET can be at 0x" in written(bench.host, bench.paper)


def test_a_machine_without_hpet_has_none(bench: Bench) -> None:
    bench.host.stub(bench.description.address, lambda: 0)
    bench.host.call(bench.hpet.start)
    assert bench.host[bench.hpet.reference.period] == 0


@pytest.mark.parametrize("bits", [24, 32])
def test_the_power_management_timer_is_read_from_its_port(bench: Bench, bits: int) -> None:
    bench.host.stub(bench.board.timer, lambda: (PM_PORT, bits))
    bench.host.on_in(PM_PORT, lambda _: 0x89AB_CDEF)
    bench.host.call(bench.pm_timer.start)
    assert bench.host[bench.pm_timer.reference.mask] == (1 << bits) - 1
    assert bench.host[bench.pm_timer.reference.period] == 10**15 // 3_579_545
    assert bench.host.call(bench.pm_timer.read) == 0x89AB_CDEF


def test_a_machine_without_power_management_timer_has_none(bench: Bench) -> None:
    bench.host.stub(bench.board.timer, lambda: (0, 0))
    bench.host.call(bench.pm_timer.start)
    assert bench.host[bench.pm_timer.reference.period] == 0


class Channel:
    """Channel 0 of the interval timer: counts down, and gives latched counts byte by byte."""

    def __init__(self, host: Host) -> None:
        self.control: list[int] = []
        self.written: list[int] = []
        self.count = 0
        self.latched: list[int] = []
        host.on_out(0x43, self.command)
        host.on_out(0x40, lambda _, value: self.written.append(value))
        host.on_in(0x40, lambda _: self.latched.pop(0))

    def command(self, port: int, value: int) -> None:
        if value >> 4 == 0:
            self.latched = [self.count & 0xFF, self.count >> 8]
        else:
            self.control.append(value)


def test_the_interval_timer_counts_all_its_bits_in_mode_2(bench: Bench) -> None:
    channel = Channel(bench.host)
    bench.host.call(bench.pit.start)
    assert (channel.control, channel.written) == ([0b00_11_010_0], [0, 0])


@given(counts=st.lists(st.integers(0, 0xFFFF), min_size=2, max_size=2))
def test_the_interval_timer_seems_to_count_upwards(pit: Bench, counts: list[int]) -> None:
    channel = Channel(pit.host)
    seen = []
    for one in counts:
        channel.count = one
        seen.append(pit.host.call(pit.pit.read))
    mask = pit.host[pit.pit.reference.mask]
    assert (seen[1] - seen[0]) & mask == (counts[0] - counts[1]) & 0xFFFF
