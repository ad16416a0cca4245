"""Dates against Python's."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.time.calendar import Calendar, DateTime
from pykasm.hostrun import Host

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LAST = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
SECONDS = int((LAST - EPOCH).total_seconds())
FIELDS = ("year", "month", "day", "hour", "minute", "second")


class Bench:
    """A calendar on a host."""

    def __init__(self) -> None:
        self.calendar = Calendar()
        self.host = Host(self.calendar, traced=False)

    def check(self, seconds: int) -> None:
        """Both ways are as Python has them."""
        self.host.reset()
        true = EPOCH + timedelta(seconds=seconds)
        date: Any = self.host.new(DateTime)
        self.host.call(self.calendar.from_seconds, seconds, date)
        assert [getattr(date, one) for one in FIELDS] == [getattr(true, one) for one in FIELDS]
        assert self.host.call(self.calendar.to_seconds, date) == seconds


@pytest.fixture(scope="module")
def bench() -> Bench:
    return Bench()


@given(seconds=st.integers(0, SECONDS))
def test_seconds_and_dates_are_converted_both_ways(bench: Bench, seconds: int) -> None:
    bench.check(seconds)


@pytest.mark.parametrize("year", [1970, 1972, 1999, 2000, 2023, 2024, 2100, 2400, 9999])
def test_every_day_of_a_year(bench: Bench, year: int) -> None:
    first = int((datetime(year, 1, 1, tzinfo=UTC) - EPOCH).total_seconds())
    for day in range(365):
        bench.check(first + day * 86_400 + day)
    bench.check(int((datetime(year, 12, 31, 23, 59, 59, tzinfo=UTC) - EPOCH).total_seconds()))
