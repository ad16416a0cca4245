"""What constructors ask for, by the annotations of their parameters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from enum import Enum
from functools import partial
from types import NoneType, UnionType
from typing import Any, ForwardRef, Union, get_args, get_origin

from pykasm.errors import WiringMistake
from pykasm.lang.annotations import evaluated
from pykasm.wiring.constructor import Constructor, constructor_of
from pykasm.wiring.contents import Entry, class_of


class Count(Enum):
    """How many parts a parameter asks for."""

    ONE = "`Part`"
    ONE_OR_NONE = "`Part | None`"
    ALL = "`Sequence[Part]`"


@dataclass(frozen=True, slots=True)
class Need:
    """The parameter `name` of the constructor of `owner`: it asks for parts that are a `kind`."""

    owner: type[Any]
    name: str
    kind: type[Any]
    count: Count
    has_default: bool

    @property
    def is_optional(self) -> bool:
        """Whether the constructor does without."""
        return self.count is Count.ONE_OR_NONE or self.has_default


def needs_of(entry: Entry) -> Iterator[Need]:
    """What the constructor of `entry` asks for beyond what the entry gives to it.

    A parameter with a default asks for nothing if its type can't be that of a part. Raises
    `WiringMistake` at any other such parameter, and if the entry gives what the constructor does
    not take.
    """
    constructor = constructor_of(class_of(entry))
    given = _given(entry, constructor) if isinstance(entry, partial) else ()
    for name in constructor.names:
        if name not in given:
            need = _need(constructor, name)
            if need is not None:
                yield need


def _given(entry: partial[Any], constructor: Constructor) -> set[str]:
    """The names of the parameters that `entry` has arguments for."""
    names = constructor.names
    wrong = [one for one in entry.keywords if one not in names[len(entry.args) :]]
    if not wrong and len(entry.args) <= constructor.by_position:
        return {*names[: len(entry.args)], *entry.keywords}
    near = get_close_matches(wrong[0], names, n=1) if wrong else ()
    raise WiringMistake(
        f"the contents give `{constructor.owner.__name__}` an argument that it does not take",
        expected=", ".join(names) or "no argument",
        got=wrong[0] if wrong else f"{len(entry.args)} arguments by position",
        fix=f"did you mean `{near[0]}`?" if near else "",
    )


def _need(constructor: Constructor, name: str) -> Need | None:
    hint = _without_text(constructor, name, constructor.hints.get(name))
    origin, arguments = get_origin(hint), [one for one in get_args(hint) if one is not NoneType]
    kind, count = hint, Count.ONE
    if origin is Sequence:
        kind, count = arguments[0], Count.ALL
    elif origin in (Union, UnionType) and len(arguments) == 1:
        kind, count = arguments[0], Count.ONE_OR_NONE
    kind = _without_text(constructor, name, kind)
    has_default = name in constructor.with_default
    if _can_be_part(kind):
        assert isinstance(kind, type)
        return Need(constructor.owner, name, kind, count, has_default)
    if has_default:
        return None
    owner = constructor.owner.__name__
    raise WiringMistake(
        f"nothing says what `{name}` of `{owner}` is",
        mark="no part has this type" if hint is not None else "it has no type",
        expected=", ".join(one.value for one in Count) + ", or a value in the contents",
        got=_shown(hint),
        fix=f"give it there: `partial({owner}, {name}=…)`",
        span=constructor.span(name),
    )


def _without_text(constructor: Constructor, name: str, hint: object) -> object:
    """`hint`; if it is text, what that stands for where the constructor was written."""
    text = hint.__forward_arg__ if isinstance(hint, ForwardRef) else hint
    if not isinstance(text, str):
        return hint
    try:
        return evaluated({name: text}, constructor.module)[name]
    except Exception as failure:
        raise WiringMistake(
            f"the type of `{name}` of `{constructor.owner.__name__}` can't be found",
            mark="not known while the program runs",
            expected="a class that the module of the constructor knows",
            got=f"{text}: {failure}",
            fix="import it outside of `if TYPE_CHECKING:`, or let a base class stand between",
            span=constructor.span(name),
        ) from None


def _can_be_part(kind: object) -> bool:
    """Whether `kind` is a class that somebody wrote for parts: not a number, a text or a list."""
    return isinstance(kind, type) and kind is not Any and kind.__module__ != "builtins"


def _shown(hint: object) -> str:
    if hint is None:
        return "no annotation"
    return f"`{hint.__name__}`" if isinstance(hint, type) else f"`{hint}`"
