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
    from pykasm.check.subject import Build, Subject


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


FAMILIES = ("registers", "stack", "flow", "memory", "calls", "context", "locks", "style")
"""The modules with rules, in the order in which a function's findings are shown."""

RULES: dict[str, Rule] = {}
"""All rules by their numbers."""

Apply = Callable[["Subject"], Iterator[Finding]]
ApplyToBuild = Callable[["Build"], Iterator[Finding]]
_appliers: list[Apply] = []
_build_appliers: list[ApplyToBuild] = []


def rule(number: str, title: str, why: str) -> str:
    """Enter a rule in the catalogue; its number."""
    RULES[number] = Rule(number, title, " ".join(why.split()))
    return number


def applies(function: Apply) -> Apply:
    """Let `function` look at every piece of code of a build."""
    _appliers.append(function)
    return function


def applies_to_build(function: ApplyToBuild) -> ApplyToBuild:
    """Let `function` look at a build as a whole, each time: its findings are not remembered."""
    _build_appliers.append(function)
    return function


def all_rules() -> list[Apply]:
    """Every function that looks for faults in a piece of code."""
    load_rules()
    return _appliers


def build_rules() -> list[ApplyToBuild]:
    """Every function that looks for faults in a build as a whole."""
    load_rules()
    return _build_appliers


@cache
def load_rules() -> None:
    """Bring the catalogue and the functions that apply it together."""
    for family in FAMILIES:
        import_module(f"pykasm.check.rules.{family}")
