"""Rules: what each proves, why it matters, and how it is applied to a piece of code."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from pykasm.check.finding import Finding

if TYPE_CHECKING:
    from pykasm.check.subject import Subject


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule by its number; `title` says when it is broken, `why` what goes wrong then."""

    number: str
    title: str
    why: str

    @property
    def example(self) -> str:
        """The module with the broken and the mended example, as text."""
        return (Path(__file__).parent / "examples" / f"{self.number.lower()}.py").read_text()


RULES: dict[str, Rule] = {}
"""All rules by their numbers."""

Apply = Callable[["Subject"], Iterator[Finding]]
_appliers: list[Apply] = []


def rule(number: str, title: str, why: str) -> str:
    """Enter a rule in the catalogue; its number."""
    RULES[number] = Rule(number, title, " ".join(why.split()))
    return number


def applies(function: Apply) -> Apply:
    """Let `function` look at every piece of code of a build."""
    _appliers.append(function)
    return function


@cache
def all_rules() -> list[Apply]:
    """Every function that looks for faults in a piece of code."""
    for name in ("registers", "stack", "flow", "memory", "calls", "style"):
        import_module(f"pykasm.check.rules.{name}")
    return _appliers
