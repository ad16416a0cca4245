"""Conditions: what code can branch on, and their short-circuit combinations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

from pykasm.errors import ConditionMistake


class Condition:
    """Something that code can branch on."""

    def __and__(self, other: object) -> Condition:
        return Both(self, condition(other))

    def __or__(self, other: object) -> Condition:
        return Either(self, condition(other))

    def __invert__(self) -> Condition:
        return Negation(self)

    def __eq__(self, other: object) -> Any:
        return self._equals(other, negated=True)

    def __ne__(self, other: object) -> Any:
        return self._equals(other, negated=False)

    __hash__ = object.__hash__

    def _equals(self, other: object, negated: bool) -> Condition:
        raise ConditionMistake(
            "a condition has no value that it could be compared by",
            expected="`~condition` for its opposite",
            got=f"compared with {other!r}",
        )

    def __bool__(self) -> NoReturn:
        raise ConditionMistake(
            "a condition has no value while the code is being written",
            expected="a condition inside `if_`, `while_`, `break_if` …",
            got="Python's `if`, `while`, `and`, `or`, `not` or `a < b < c` on a condition",
            fix="use `with if_(…):`, and `&`, `|`, `~` with parentheses to join conditions",
        )


class Flag(Condition):
    """A flag of rflags as the instruction before left it."""

    def __init__(self, name: str, when_set: str, when_clear: str) -> None:
        self.name = name
        self.when_set = when_set
        self.when_clear = when_clear


CF = Flag("CF", "jb", "jae")
ZF = Flag("ZF", "je", "jne")
SF = Flag("SF", "js", "jns")
OF = Flag("OF", "jo", "jno")
PF = Flag("PF", "jp", "jnp")


class Negation(Condition):
    """The opposite of a condition."""

    def __init__(self, inner: Condition) -> None:
        self.inner = inner


class Both(Condition):
    """`left & right`; `right` is looked at only where `left` holds."""

    def __init__(self, left: Condition, right: Condition) -> None:
        self.left = left
        self.right = right


class Either(Condition):
    """`left | right`; `right` is looked at only where `left` does not hold."""

    def __init__(self, left: Condition, right: Condition) -> None:
        self.left = left
        self.right = right


class Computed(Condition):
    """A condition whose code, of the inline function `name`, ends at the item of code number `at`.

    It holds for as long as nothing else changes flags, or the registers that it compares.
    """

    def __init__(self, inner: Condition, name: str, at: int) -> None:
        self.inner = inner
        self.name = name
        self.at = at


class Deferred(Condition):
    """A condition that `make` makes, with its code, each time that it is looked at."""

    def __init__(self, make: Callable[[], object]) -> None:
        self.make = make


def tests_flags(test: Condition) -> bool:
    """Whether a condition looks at flags that code before has left."""
    match test:
        case Flag():
            return True
        case Negation() | Computed():
            return tests_flags(test.inner)
        case Both() | Either():
            return tests_flags(test.left) or tests_flags(test.right)
    return False


def condition(value: object) -> Condition:
    """`value` as a condition, or the mistake of it not being one."""
    if isinstance(value, Condition):
        return value
    convert = getattr(value, "_as_condition", None)
    made: Condition | None = convert() if convert is not None else None
    if made is not None:
        return made
    if callable(value) and convert is None:
        return Deferred(value)
    raise ConditionMistake(
        "this is no condition",
        expected="a comparison, a `Bool`, `&` of flags, or these joined by `&`, `|`, `~`",
        got=value._text() if hasattr(value, "_text") else repr(value),
        fix="compare: `x != 0`" if convert is not None else "",
    )
