"""Resources that tests must not leak."""

from __future__ import annotations

from typing import Any

from pykasm import *


class LeakCheck(Struct):
    """A number that is the same after a test as before it, such as that of free pages."""

    name: Ptr[U8]
    read: Fn[[], U64]


class LeakChecks(Subsystem):
    """A subsystem with leak checks."""

    leak_checks: list[LeakCheck]
    """Its rows, which the constructor makes."""


def leak_check(name: str, read: Any) -> LeakCheck:
    """Return a leak check of the number that `read`, a `@function`, returns as a `U64`."""
    return LeakCheck(name=name, read=read)
