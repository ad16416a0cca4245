"""What annotations say, which are text where modules put their evaluation off."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import CodeType
from typing import Any


def evaluated(
    hints: Mapping[str, object], module: dict[str, Any], scope: Mapping[str, Any] | None = None
) -> dict[str, object]:
    """`hints`, those that are text evaluated by the names of their `module` and of `scope`.

    `typing.get_type_hints` does this and much else that hardly anybody needs, in ten times the
    time.
    """
    return {name: _evaluated(hint, module, scope) for name, hint in hints.items()}


def _evaluated(hint: object, module: dict[str, Any], scope: Mapping[str, Any] | None) -> object:
    while isinstance(hint, str):  # in quotes inside of what is text already: twice
        hint = eval(_compiled(hint), module, scope)
    return hint


@cache
def _compiled(hint: str) -> CodeType:
    return compile(hint, "<annotation>", "eval")
