"""Which classes belong to which: derived from a base class, or with the members of a protocol."""

from __future__ import annotations

import sys
from typing import Any, Generic, Protocol

ROOTS = (object, Protocol, Generic)


def belongs(kind: type[Any], wanted: type[Any]) -> bool:
    """Whether objects of `kind` are a `wanted`, told by the classes alone.

    Unlike `issubclass`, which refuses protocols that have data.
    """
    if wanted in kind.__mro__:
        return True
    return getattr(wanted, "_is_protocol", False) and _members(wanted) <= _all_names(kind)


def _members(protocol: type[Any]) -> frozenset[str]:
    bases = [one for one in protocol.__mro__ if getattr(one, "_is_protocol", False)]
    return frozenset(
        name
        for base in bases
        if base not in ROOTS
        for name in _own_names(base)
        if not name.startswith("_")
    )


def _all_names(kind: type[Any]) -> frozenset[str]:
    return frozenset(name for base in kind.__mro__ for name in _own_names(base))


def _own_names(kind: type[Any]) -> set[str]:
    """The attributes that `kind` has or declares."""
    return {*vars(kind), *_annotations(kind)}


def _annotations(kind: type[Any]) -> dict[str, Any]:
    if sys.version_info >= (3, 14):
        from annotationlib import Format, get_annotations

        return get_annotations(kind, format=Format.FORWARDREF)
    found: dict[str, Any] = vars(kind).get("__annotations__", {})
    return found
