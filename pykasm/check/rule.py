"""The catalogue of rules, and the functions that check them."""

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
    """A rule by its number. `title` says when it is broken, `why` what goes wrong then."""

    number: str
    title: str
    why: str

    @property
    def example(self) -> str:
        """The source of the module with the broken and the mended example."""
        return (Path(__file__).parent / "examples" / f"{self.number.lower()}.py").read_text()


FAMILIES = (
    "registers",
    "stack",
    "locals",
    "flow",
    "memory",
    "calls",
    "ownership",
    "results",
    "trust",
    "fetches",
    "context",
    "locks",
    "states",
    "numbers",
    "style",
)
"""The modules with rules, in the order in which a function's findings are shown."""

RULES: dict[str, Rule] = {}
"""All rules by their numbers."""

FunctionCheck = Callable[["FunctionAnalysis"], Iterator[Finding]]
BuildCheck = Callable[["Build"], Iterator[Finding]]
_function_checks: list[FunctionCheck] = []
_any_mode_checks: list[FunctionCheck] = []
_build_checks: list[BuildCheck] = []


def rule(number: str, title: str, why: str) -> str:
    """Enter a rule in the catalogue. Return its number."""
    RULES[number] = Rule(number, title, " ".join(why.split()))
    return number


def function_check(function: FunctionCheck) -> FunctionCheck:
    """Apply `function` to every function of a build. Findings are cached: they must depend on
    nothing that is not in the function's key (`cachekey`)."""
    _function_checks.append(function)
    return function


def any_mode(function: FunctionCheck) -> FunctionCheck:
    """Apply a `function_check` to 16- and 32-bit code too."""
    _any_mode_checks.append(function)
    return function


def build_check(function: BuildCheck) -> BuildCheck:
    """Apply `function` to each build as a whole. Its findings are not cached."""
    _build_checks.append(function)
    return function


def function_checks(is_long_mode: bool = True) -> list[FunctionCheck]:
    """Return every check of single functions in 64-bit code, or in that of other widths."""
    load_rules()
    return _function_checks if is_long_mode else _any_mode_checks


def build_checks() -> list[BuildCheck]:
    """Return every check of whole builds."""
    load_rules()
    return _build_checks


@cache
def load_rules() -> None:
    """Import the modules with rules, which enter them here."""
    for family in FAMILIES:
        import_module(f"pykasm.check.rules.{family}")
