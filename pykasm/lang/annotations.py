"""What annotations say, which are text where modules put their evaluation off."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from functools import cache
from importlib import import_module
from types import CodeType
from typing import Any

from pykasm.errors import DeclarationMistake, Mistake


def evaluated(
    hints: Mapping[str, object], module: dict[str, Any], scope: Mapping[str, Any] | None = None
) -> dict[str, object]:
    """`hints`, those that are text evaluated by the names of their `module` and of `scope`.

    `typing.get_type_hints` does this and much else that hardly anybody needs, in ten times the
    time.
    """
    return {name: _evaluated(hint, module, scope) for name, hint in hints.items()}


def is_any_of(hint: object, *kinds: object) -> bool:
    """Whether an annotation is one of `kinds`. It is not compared: it may be an operand, of which a
    comparison is code."""
    return any(hint is one for one in kinds)


def stated(body: Mapping[str, Any]) -> Mapping[str, object]:
    """The annotations in a class's body, as text where Python puts their evaluation off."""
    found = body.get("__annotations__")
    annotate = body.get("__annotate_func__") or body.get("__annotate__")
    if found is None and annotate is not None:  # Python 3.14
        library: Any = import_module("annotationlib")
        found = library.call_annotate_function(annotate, library.Format.STRING)
    return found or {}


def annotations_of(owner: Callable[..., object] | type) -> Mapping[str, object]:
    """What a function or a class itself states; text where Python can't evaluate it.

    From Python 3.14 on that is only tried now, so that here nobody has complained of a name yet
    that there is none of (PEP 649).
    """
    try:
        return inspect.get_annotations(owner)
    except NameError:
        library: Any = import_module("annotationlib")
        found: Mapping[str, object] = library.get_annotations(owner, format=library.Format.STRING)
        return found


def known_types(
    hints: Mapping[str, object], module: dict[str, Any], scope: Mapping[str, Any] | None = None
) -> dict[str, object]:
    """What `evaluated` gives; a mistake of the author's for what can't be evaluated."""
    found = {}
    for name, hint in hints.items():
        try:
            found[name] = _evaluated(hint, module, scope)
        except Mistake:
            raise
        except Exception as error:
            raise _unreadable(name, str(hint), error, [*(scope or ()), *module]) from None
    return found


def _evaluated(hint: object, module: dict[str, Any], scope: Mapping[str, Any] | None) -> object:
    while isinstance(hint, str):  # in quotes inside of what is text already: twice
        hint = eval(_compiled(hint), module, scope)
    return hint


def _unreadable(name: str, hint: str, error: Exception, known: list[str]) -> DeclarationMistake:
    """The mistake of an annotation that Python can't evaluate; whoever asked knows its line."""
    missing = error.name if isinstance(error, NameError) else None
    near = get_close_matches(missing, known, n=1) if missing else []
    return DeclarationMistake(
        f"`{name}` has a type that nobody knows",
        expected="a type that the module defines or imports",
        got=f"`{hint}`: {error}",
        fix=f"did you mean `{near[0]}`?" if near else "",
    )


@cache
def _compiled(hint: str) -> CodeType:
    return compile(hint, "<annotation>", "eval")
