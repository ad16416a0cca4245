"""Kinds of faults."""

from __future__ import annotations

from typing import NamedTuple


class FaultKind(NamedTuple):
    """A kind of fault by its name.

    `rules` are the rules that forbid what it does: their numbers, or E07x for the types of calls
    and operands, which the language checks while code is written. It is empty where the fault
    only makes another program, which no rule can tell from the one that was meant.
    """

    name: str
    rules: str = ""
