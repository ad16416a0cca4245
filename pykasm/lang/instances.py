"""The objects that an image is made of: code and data of others than these are not in it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from pykasm.errors import SymbolMistake

_made_of: list[dict[str, object]] = [{}]


@contextmanager
def made_of(parts: Iterable[tuple[str, object]]) -> Iterator[None]:
    """Have names inside mean what belongs to `parts`: subsystems and data by their names.

    A name that two of them have is a mistake of its own, and means either here.
    """
    found: dict[str, object] = {}
    doubles = {name for name, part in parts if found.setdefault(name, part) is not part}
    _made_of.append({name: part for name, part in found.items() if name not in doubles})
    try:
        yield
    finally:
        _made_of.pop()


def check_instance(part: str, owner: object, name: Any) -> None:
    """Raise a mistake where the image has another object than `owner` for its part `part`.

    `name` is what the author wrote.
    """
    if _made_of[-1].get(part, owner) is not owner:
        raise other_instance(str(name), "the image")


def other_instance(name: str, where: str) -> SymbolMistake:
    """The mistake of naming something of an object that `where` does not have."""
    return SymbolMistake(
        f"`{name}` belongs to another object than the one that {where} has",
        expected=f"something of the objects that {where} was given",
        got="that of another one with the same name",
        fix="hand the same object to all that use it",
    )
