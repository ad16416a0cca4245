"""A measured value beside its target."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

T = TypeVar("T")


class Figure(NamedTuple):
    """What was measured, as people read it; `met` is None where there is no target."""

    name: str
    measured: str
    target: str = ""
    met: bool | None = None


def timed(work: Callable[..., T], *arguments: object) -> tuple[T, float]:
    """What `work` gives for these arguments, and the seconds it takes."""
    start = time.perf_counter()
    value = work(*arguments)
    return value, time.perf_counter() - start


def spread(values: Sequence[float], unit: str, digits: int = 2) -> str:
    """The median of `values`, with the smallest and the largest behind it."""
    middle, low, high = statistics.median(values), min(values), max(values)
    return f"{middle:,.{digits}f} {unit} ({low:,.{digits}f} … {high:,.{digits}f})"
