"""Conditions: what code can branch on, and their short-circuit combinations."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn, TypeVar

from pykasm.errors import ConditionMistake, report
from pykasm.source import Moment, author_moment

C = TypeVar("C", bound="Condition")


class Condition:
    """Something that code can branch on.

    One that the author makes and that code never looks at is a mistake: see `noting`.
    """

    moment: Moment | None = None
    is_used = False
    items_before = 0
    """How many items of code there were when it was made."""

    def __and__(self, other: object) -> Condition:
        return _in_turn(noted(Both(condition(self), condition(other))))

    def __or__(self, other: object) -> Condition:
        return _in_turn(noted(Either(condition(self), condition(other))))

    __rand__ = __and__
    __ror__ = __or__

    def __invert__(self) -> Condition:
        return noted(Negation(condition(self)))

    def __repr__(self) -> str:
        return "a condition"

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

    def __repr__(self) -> str:
        return self.name


CF = Flag("CF", "jb", "jae")
ZF = Flag("ZF", "je", "jne")
SF = Flag("SF", "js", "jns")
OF = Flag("OF", "jo", "jno")
PF = Flag("PF", "jp", "jnp")


class Negation(Condition):
    """The opposite of a condition."""

    def __init__(self, inner: Condition) -> None:
        self.inner = inner

    def __repr__(self) -> str:
        return f"~({self.inner!r})"


class Joined(Condition):
    """Two conditions; the `right` one is looked at only where the `left` one decides nothing."""

    word = ""

    def __init__(self, left: Condition, right: Condition) -> None:
        if _names_flags(right) and not _only_flags(left):
            raise ConditionMistake(
                f"`{right!r}` would look at the flags that `{left!r}` leaves",
                expected="flags before comparisons, which change them",
                got=f"({left!r}) {self.word} {right!r}",
                fix=f"`{right!r} {self.word} ({left!r})`",
            )
        self.left = left
        self.right = right

    def __repr__(self) -> str:
        return f"({self.left!r}) {self.word} ({self.right!r})"


class Both(Joined):
    """`left & right`; `right` is looked at only where `left` holds."""

    word = "&"


class Either(Joined):
    """`left | right`; `right` is looked at only where `left` does not hold."""

    word = "|"


class Computed(Condition):
    """A condition whose code, of the inline function `name`, ends at the item of code number `at`.

    It holds for as long as nothing else changes flags, or the registers that it compares.
    """

    def __init__(self, inner: Condition, name: str, at: int) -> None:
        self.inner = condition(inner)
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
        case Joined():
            return tests_flags(test.left) or tests_flags(test.right)
    return False


def _names_flags(test: Condition) -> bool:
    """Whether the author names a flag in `test`."""
    match test:
        case Flag():
            return True
        case Negation():
            return _names_flags(test.inner)
        case Joined():
            return _names_flags(test.left) or _names_flags(test.right)
    return False


def _only_flags(test: Condition) -> bool:
    """Whether looking at `test` leaves the flags as they are."""
    match test:
        case Flag():
            return True
        case Negation() | Computed():
            return _only_flags(test.inner)
        case Joined():
            return _only_flags(test.left) and _only_flags(test.right)
    return False


def _in_turn(both: Joined) -> Joined:
    """`both`; a mistake where the code of the right one has been written by now, so that it runs
    whatever the left one says."""
    left, right = both.left, both.right
    is_late = right.items_before > left.items_before
    if is_late and both.moment is not None and both.moment.has_in_it(left.moment):
        raise ConditionMistake(
            f"the code of `{right!r}` runs before `{left!r}` is looked at, and whatever it says",
            expected="a function that makes it in its turn",
            got=f"({left!r}) {both.word} (…), with code of its own",
            fix=f"`({left!r}) {both.word} (lambda: …)`, or write the code in front of it",
        )
    return both


_noted: list[tuple[list[Condition], Sequence[object]]] = []


@contextmanager
def noting(made: list[Condition], items: Sequence[object]) -> Iterator[None]:
    """Gather the conditions that the author makes inside in `made`; `items` are those of the code
    that is being written."""
    _noted.append((made, items))
    try:
        yield
    finally:
        _noted.pop()


def noted(made: C) -> C:
    """`made`, of which it will be asked whether code looks at it."""
    if _noted:
        conditions, items = _noted[-1]
        made.moment = author_moment()
        made.items_before = len(items)
        conditions.append(made)
    return made


def report_unused(made: list[Condition]) -> None:
    """Report those of the conditions `made` that no code looks at."""
    for one in made:
        if not one.is_used:
            report(
                ConditionMistake(
                    f"nothing looks at `{one!r}`",
                    expected="a condition inside `if_`, `while_`, `break_if` …",
                    got="a condition that is a line of its own",
                    fix="`mov(…)` writes a value, `cmp(…)` sets the flags",
                    span=one.moment.span if one.moment else None,
                )
            )


def condition(value: object) -> Condition:
    """`value` as a condition, or the mistake of it not being one."""
    if isinstance(value, Condition):
        value.is_used = True
        return value
    convert = getattr(value, "_as_condition", None)
    made: Condition | None = convert() if convert is not None else None
    if made is not None:
        made.is_used = True
        return made
    if callable(value) and convert is None and not isinstance(value, type):
        return Deferred(value)
    fix = "compare: `x != 0`" if convert is not None else ""
    if isinstance(value, bool):
        fix = "`with loop():` goes round for ever; Python's `if` decides what is written"
    raise ConditionMistake(
        "this is no condition",
        expected="a comparison, a `Bool`, `&` of flags, or these joined by `&`, `|`, `~`",
        got=value._text() if hasattr(value, "_text") else repr(value),
        fix=fix,
    )
