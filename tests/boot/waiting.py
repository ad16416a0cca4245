"""Waiting for what a machine comes to, where it says nothing when it is there."""

import time
from collections.abc import Callable

from pykasm.machine.session import PATIENCE, Machine

BETWEEN_LOOKS = 0.01
"""Seconds that are left to the machine, on whose processors the tests run too."""


def eventually(machine: Machine, condition: Callable[[], bool]) -> None:
    """Wait until `condition` holds of `machine`; it fails with what the machine said last."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"it never came to that:\n{machine.output[-2000:]}"
        time.sleep(BETWEEN_LOOKS)
