"""Averages of how many threads want to run, against what they are by definition."""

from __future__ import annotations

import math

from hypothesis import given, settings
from hypothesis import strategies as st

from kernel.clock.clock import Clock
from kernel.clock.timers import Timers
from kernel.contents import CONTENTS
from kernel.sched.loadaverages import DECAYS, ONE, LoadAverages
from pykasm import *
from pykasm.hostrun import Host

MINUTES = (1, 5, 15)
SECONDS = 5
"""Between two looks."""

parts = Parts(CONTENTS)
averages = parts[LoadAverages]
host = Host(averages)


def looks(counts: list[int]) -> list[int]:
    """The averages after so many threads were found in turn, in parts of `ONE`."""
    host.reset()
    left = iter(counts)
    host.stub(averages.count_active, lambda: next(left))
    host.stub(parts[Clock].after, lambda time: int(time))
    armed = host.stub(parts[Timers].arm, lambda timer, deadline: None)
    for _ in counts:
        host.call(averages.take, host.address(averages.timer))
    assert len(armed.calls) == len(counts)  # it looks again each time
    return [int(host[averages.averages[place]]) for place in range(len(MINUTES))]


def test_what_is_left_of_an_average_falls_by_time() -> None:
    expected = [round(ONE * math.exp(-SECONDS / (60 * minutes))) for minutes in MINUTES]
    assert list(DECAYS) == expected


@settings(max_examples=50)
@given(st.lists(st.integers(0, 40), min_size=1, max_size=60))
def test_averages_are_weighted_by_age(counts: list[int]) -> None:
    for found, decay in zip(looks(counts), DECAYS, strict=True):
        exact = 0.0
        for count in counts:
            exact = (exact * decay + count * ONE * (ONE - decay)) / ONE
        # Each look is off by less than a part, and what it was off by decays, too
        assert abs(found - exact) < ONE / (ONE - decay)


def test_who_runs_for_long_is_one() -> None:
    assert looks([1] * 2000) == [ONE] * 3
    assert looks([1] * 500 + [0] * 4000) == [0] * 3
