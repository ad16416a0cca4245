"""Nice values and priorities, as the scheduler gets them."""

from __future__ import annotations

from kernel.process.policies import (
    LEAST_NICE,
    MOST_NICE,
    MOST_PRIORITY,
    level_of,
    passes_of,
    quantum_of,
)
from kernel.sched.runqueue import BOOT_PRIORITY, PRIORITIES, QUANTUM

NICE_VALUES = range(LEAST_NICE, MOST_NICE + 1)


def share(nice: int) -> float:
    """What a thread gets beside others: the length of its turns, as often as it has one."""
    return quantum_of(nice) / (1 + passes_of(nice))


def test_each_nice_value_gets_no_more_than_the_one_before() -> None:
    shares = [share(nice) for nice in NICE_VALUES]
    assert shares == sorted(shares, reverse=True)
    assert share(0) == QUANTUM
    assert share(MOST_NICE) * 40 < QUANTUM < share(LEAST_NICE) / 20


def test_none_gets_nothing() -> None:
    assert all(quantum_of(nice) > 0 for nice in NICE_VALUES)


def test_real_time_priorities_are_above_all_others_and_in_order() -> None:
    levels = [level_of(priority) for priority in range(1, MOST_PRIORITY + 1)]
    assert level_of(0) == BOOT_PRIORITY < levels[0]
    assert levels == sorted(levels)
    assert levels[-1] == PRIORITIES - 1
