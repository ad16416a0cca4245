"""When sleepers are to be woken."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.sched.sleep import Sleep
from tests.host.threads_support import Kernel

LAST = (1 << 64) - 1


@pytest.fixture(scope="module")
def bench() -> tuple[Any, Sleep, Any]:
    """A clock, what lets threads sleep, and a host for them."""
    kernel = Kernel()
    sleep = kernel.parts[Sleep]
    return kernel.clock, sleep, kernel.host(sleep)


@given(now=st.integers(0, LAST), nanoseconds=st.one_of(st.integers(0, 100), st.integers(0, LAST)))
def test_nobody_is_woken_before_the_time(
    bench: tuple[Any, Sleep, Any], now: int, nanoseconds: int
) -> None:
    clock, sleep, host = bench
    host.stub(clock.now, lambda: now)
    until = host.stub(sleep.sleep_until, lambda deadline, mode: 0)
    host.call(sleep.sleep, nanoseconds)
    assert until.calls == [(min(now + nanoseconds, LAST), 0)]
