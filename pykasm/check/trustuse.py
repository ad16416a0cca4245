"""What a function does with what somebody else chose, as far as others have to know it."""

from __future__ import annotations

from typing import NamedTuple

OWN = -1
"""Stands for what a function gets from somebody else by itself, beside the registers of
parameters."""


class Passed(NamedTuple):
    """The instruction `at` passes a number that nothing has bounded to `callee`, which is not told
    who chose it, as its parameter `name` in the register `number`. It comes from the instruction
    `site`."""

    callee: str
    number: int
    name: str
    at: int
    site: int


class TrustUse(NamedTuple):
    """How a function relies on a number, if it does, and at which instruction; and to whom it
    passes it."""

    relied: tuple[str, int] | None = None
    passed: tuple[Passed, ...] = ()


NO_TRUST = TrustUse()
