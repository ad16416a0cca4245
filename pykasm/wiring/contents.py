"""The contents of an image: the classes that its parts are of, in the order of reading."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any, TypeAlias

from pykasm.errors import WiringMistake

Entry: TypeAlias = type[Any] | partial[Any]
"""A class, or `functools.partial` of one with those arguments that are no parts."""

Contents: TypeAlias = tuple[Entry, ...]
"""A table of contents. Those of folders are joined by `+`."""


def entries_by_class(contents: Iterable[object]) -> dict[type[Any], Entry]:
    """`contents` by their classes, in the same order.

    Raises `WiringMistake` for an entry that is neither a class nor `partial` of one, and for a
    class that is there twice.
    """
    entries: dict[type[Any], Entry] = {}
    for entry in contents:
        kind = class_of(entry)
        if kind in entries:
            raise WiringMistake(
                f"`{kind.__name__}` is in the contents twice",
                expected="one entry for each class",
                got=f"a second one for `{kind.__module__}.{kind.__name__}`",
                fix=f"a second part of its kind is a class of its own: "
                f"`class Second{kind.__name__}({kind.__name__})`",
            )
        assert isinstance(entry, type | partial)
        entries[kind] = entry
    return entries


def class_of(entry: object) -> type[Any]:
    """The class whose object `entry` makes."""
    made = entry.func if isinstance(entry, partial) else entry
    if isinstance(made, type):
        return made
    name = type(made).__name__
    is_object = not callable(made) and type(made).__module__ != "builtins"
    raise WiringMistake(
        "an entry of the contents is no class",
        expected="a class, or `partial` of one",
        got=f"an object of `{name}`" if is_object else repr(made),
        fix=f"write `{name}`: parts are made when they are needed" if is_object else "",
    )
