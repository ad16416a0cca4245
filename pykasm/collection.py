"""Python's search for cycles of garbage, put off while many objects are made."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_garbage_collection() -> Iterator[None]:
    """Assembling makes many objects and no cycles: looking for those takes a third of the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def settle() -> None:
    """Exempt all that is alive now from later searches, also the one at the end of the process:
    for commands, which keep what they built to their end."""
    gc.freeze()
