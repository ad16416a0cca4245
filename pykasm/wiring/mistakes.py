"""What can be wrong when parts are asked for, in words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Any, TypeAlias

from pykasm.errors import Note, WiringMistake
from pykasm.source import Span
from pykasm.wiring.constructor import constructor_of
from pykasm.wiring.needs import Need

Chain: TypeAlias = dict[type[Any], Need | None]
"""The classes whose parts are being made, each for the one before it, and the parameter of each
that the next is for; None while the constructor runs."""


def missing(
    kind: type[Any], need: Need | None, chain: Chain, contents: Iterable[type[Any]]
) -> WiringMistake:
    """Nothing in the contents is a `kind`."""
    name = kind.__name__
    near = get_close_matches(name, [one.__name__ for one in contents], n=1)
    fix = f"add `{name}` to the contents"
    if near:
        fix += f", or did you mean `{near[0]}`?"
    if need is not None:
        fix += f"; a value is given there: `partial({need.owner.__name__}, {need.name}=…)`"
    return WiringMistake(
        f"nothing in the contents is a `{name}`",
        mark=_mark(need),
        expected="one part of this class, or of one that is derived from it",
        got=_way(chain, kind),
        fix=fix,
        span=_span(need),
    )


def several(
    kind: type[Any], candidates: Sequence[type[Any]], need: Need | None, chain: Chain
) -> WiringMistake:
    """More than one of the contents is a `kind`, and none is of that very class."""
    names = [f"`{one.__name__}`" for one in candidates]
    return WiringMistake(
        f"{len(names)} parts are a `{kind.__name__}`",
        mark=_mark(need),
        expected="one",
        got=f"{', '.join(names)}, for {_way(chain, kind)}",
        fix=f"name the class of one of them, or take all: `Sequence[{kind.__name__}]`",
        span=_span(need),
    )


def circle(kind: type[Any], chain: Chain) -> WiringMistake:
    """The part of `kind` is needed to make itself."""
    kinds = list(chain)
    inside = kinds[kinds.index(kind) :]
    *before, last = [chain[one] for one in inside]
    return WiringMistake(
        f"`{kind.__name__}` is needed to make itself",
        mark=_mark(last),
        expected="parts that are made of parts made before",
        got=" → ".join(one.__name__ for one in [*inside, kind]),
        fix="move what two of them need of each other to a part of its own",
        span=_span(last),
        notes=tuple(
            Note(span, _mark(need)) for need in before if need and (span := _span(need)) is not None
        ),
    )


def no_class(kind: object) -> WiringMistake:
    """Something was asked for that is no class."""
    return WiringMistake(
        "parts are asked for by their classes",
        expected="a class",
        got=repr(kind),
    )


def _way(chain: Chain, kind: type[Any]) -> str:
    """How it came that a `kind` is asked for."""
    return " → ".join(one.__name__ for one in [*chain, kind])


def _mark(need: Need | None) -> str:
    return f"`{need.owner.__name__}` needs it" if need else ""


def _span(need: Need | None) -> Span | None:
    """Where `need` stands; None is the author's line that runs now."""
    return constructor_of(need.owner).span(need.name) if need else None
