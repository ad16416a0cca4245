"""Two processors comparing their time-stamp counters."""

import pytest

from kernel.clock.clock import Clock
from kernel.time.tscsync import TscSync
from pykasm.hostrun import Host
from tests.host.console_support import Paper, host_for, parts_on, written

FUTURE = 1 << 63


class Bench:
    """A tsc_sync on a host, which stands for the second processor that comes."""

    def __init__(self) -> None:
        self.paper = Paper()
        parts = parts_on(self.paper)
        self.clock, self.tsc_sync = parts[Clock], parts[TscSync]
        self.host: Host = host_for(self.tsc_sync)
        self.host.checkpoint()

    def compare(self, latest: int) -> None:
        """Compare where the other processor has seen `latest`."""
        self.host.reset()
        self.host.call(self.tsc_sync.begin)
        self.host[self.tsc_sync.last_tsc] = latest
        self.host[self.tsc_sync.arrived] = 1
        self.host.call(self.tsc_sync.compare)
        self.host.call(self.tsc_sync.end)


@pytest.fixture(scope="module")
def bench() -> Bench:
    return Bench()


def test_processors_that_agree_leave_the_clock_as_it_is(bench: Bench) -> None:
    bench.compare(latest=0)
    assert bench.host[bench.tsc_sync.last_tsc] > 0
    assert bench.host[bench.clock.early_page.unsynchronised] == 0
    assert written(bench.host, bench.paper) == b""


def test_a_processor_that_is_behind_makes_the_clock_careful(bench: Bench) -> None:
    bench.compare(latest=FUTURE)
    behind = bench.host[bench.tsc_sync.max_warp]
    assert 0 < behind < FUTURE
    assert bench.host[bench.tsc_sync.last_tsc] == FUTURE
    assert bench.host[bench.clock.early_page.unsynchronised] == 1
    assert f"differ by {behind} ticks".encode() in written(bench.host, bench.paper)


def test_a_careful_clock_shows_nothing_earlier_than_any_processor_did(bench: Bench) -> None:
    bench.compare(latest=FUTURE)
    bench.host[bench.clock.early_page.multiplier] = 1 << 56
    assert bench.host.call(bench.clock.now) == bench.host[bench.clock.last_time] > 0
    bench.host[bench.clock.last_time] = FUTURE
    assert bench.host.call(bench.clock.now) == FUTURE
    assert bench.host[bench.clock.last_time] == FUTURE
