"""Links of lists and trees, whose types tell what they link.

A struct that is declared with `link=True`, such as the head of a list, lies in what is listed, and
where the list begins. A field of such a type is of a type of its own, which has the name of the
field, such as `Thread.link`; where a list begins, `elements=` says which field links its elements.
What a link points to is linked by the same field.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

from pykasm.errors import CallMistake, DeclarationMistake
from pykasm.lang.types import (
    Array,
    Ptr,
    TypeMeta,
    User,
    array_of,
    is_user,
    name_of,
    plain,
    requalified,
)

_linked: dict[tuple[TypeMeta, str], TypeMeta] = {}


def linked(kind: TypeMeta, elements: str) -> TypeMeta:
    """The link type `kind` where the field called `elements` links what it leads to."""
    found = _linked.get((kind, elements))
    if found is None:
        made: Any = type(kind)
        found = made.derived(kind, f"{kind.__name__}[{elements}]")
        found._elements = elements
        _linked[kind, elements] = found
    return found


def unlinked(kind: TypeMeta) -> TypeMeta:
    """The type itself, whatever it links."""
    return cast(TypeMeta, kind.__base__) if kind._elements else kind


def with_elements(kind: TypeMeta, elements: str, stated: bool, name: str) -> TypeMeta:
    """The type of the field or datum `name`, linked by `elements` if it is a link or has some.

    `stated`: somebody says what links its elements, so there must be some.
    """
    if is_list(kind):
        return relinked(kind, elements)
    if stated:
        raise DeclarationMistake(
            f"`{name}` is neither a list nor a link",
            expected="`elements=` at a struct with `link=True`, such as the head of a list",
            got=name_of(kind),
        )
    return kind


def relinked(kind: TypeMeta, elements: str) -> TypeMeta:
    """`kind`, with the links that it leads to linked by `elements`."""
    if plain(kind) is not kind:
        return requalified(kind, relinked(plain(kind), elements))
    parts: Any = kind
    if issubclass(parts, Ptr):
        made: Any = User if is_user(kind) else Ptr
        return cast(TypeMeta, made[relinked(parts._target, elements)])
    if issubclass(parts, Array):
        array: TypeMeta = array_of(relinked(parts._element, elements), parts._count)
        return array
    return linked(kind, elements) if kind._is_link and not kind._elements else kind


def is_list(kind: TypeMeta) -> bool:
    """Whether a place of type `kind` is a link, or an array of them."""
    parts: Any = kind
    return is_list(parts._element) if issubclass(parts, Array) else kind._is_link


def link_behind(kind: object) -> TypeMeta | None:
    """The link that a value of type `kind` is, or leads to."""
    while isinstance(kind, TypeMeta):
        if kind._is_link:
            return kind
        kind = getattr(kind, "_target", None) or getattr(kind, "_element", None)
    return None


def common_elements(name: str, given: Iterable[tuple[str, TypeMeta | None]]) -> str:
    """What links the elements of all links among what `name` is given: pairs of what the author
    calls it, and its type. Raises a mistake where that is not one and the same."""
    known, first = "", ""
    for text, kind in given:
        link = link_behind(kind)
        if link is None or not link._elements or link._elements == known:
            continue
        if known:
            raise CallMistake(
                f"`{name}` is given links of two kinds",
                expected=f"`{text}` linked by `{known}`, as `{first}` is",
                got=f"{text}: {kind!r}",
                fix=f'`elements="{link._elements}"` where a list begins says what its elements are',
            )
        known, first = link._elements, text
    return known
