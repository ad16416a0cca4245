"""Rules: what each proves, why it matters, and how it is applied to a routine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from pykasm.check.finding import Finding

if TYPE_CHECKING:
    from pykasm.check.build import Build, FunctionAnalysis


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

FunctionCheck = Callable[["FunctionAnalysis"], Iterator[Finding]]
BuildCheck = Callable[["Build"], Iterator[Finding]]
_appliers: list[FunctionCheck] = []
_build_appliers: list[BuildCheck] = []


def rule(number: str, title: str, why: str) -> str:
    """Enter a rule in the catalogue; its number."""
    RULES[number] = Rule(number, title, " ".join(why.split()))
    return number


def function_check(function: FunctionCheck) -> FunctionCheck:
    """Let `function` look at every routine of a build."""
    _appliers.append(function)
    return function


def build_check(function: BuildCheck) -> BuildCheck:
    """Let `function` look at a build as a whole, each time: its findings are not remembered."""
    _build_appliers.append(function)
    return function


def function_checks() -> list[FunctionCheck]:
    """Every function that looks for faults in a routine."""
    load_rules()
    return _appliers


def build_checks() -> list[BuildCheck]:
    """Every function that looks for faults in a build as a whole."""
    load_rules()
    return _build_appliers


@cache
def load_rules() -> None:
    """Bring the catalogue and the functions that apply it together."""
    for family in FAMILIES:
        import_module(f"pykasm.check.rules.{family}")
