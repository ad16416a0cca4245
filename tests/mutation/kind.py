"""Kinds of faults."""

from __future__ import annotations

from typing import NamedTuple

from pykasm.check.rule import RULES, function_checks

BY_THE_LANGUAGE = "E07x"
"""Stands for types, widths and counts of operands, which the language checks at once."""


class FaultKind(NamedTuple):
    """A kind of fault by its name.

    `rules` are the numbers of the rules that forbid what it does. It is empty where the fault
    only makes another program, which no rule can tell from the one that was meant.
    """

    name: str
    rules: str = ""

    @property
    def is_forbidden(self) -> bool:
        """Whether the build has to find it: one of the rules is there."""
        function_checks()
        return any(one in RULES or one == BY_THE_LANGUAGE for one in self.rules.split())
