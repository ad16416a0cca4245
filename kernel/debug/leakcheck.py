"""What tests must leave as they found it."""

from __future__ import annotations

from typing import Any

from pykasm import *


class LeakCheck(Struct):
    """Something that a test must leave as it found it, such as the number of free pages."""

    name: Ptr[U8]
    read: Fn[[], U64]


class LeakChecks(Subsystem):
    """Knows of something that tests must leave as they found it."""

    leak_checks: list[LeakCheck]
    """Its rows, which the constructor makes."""


def leak_check(name: str, read: Any) -> LeakCheck:
    """A row of what tests leave as it was: `read` is a `@function` that gives a `U64`."""
    return LeakCheck(name=name, read=read)
