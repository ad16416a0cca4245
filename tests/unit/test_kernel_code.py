"""Whatever emits code in the kernel says so."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kernel.image import image
from pykasm.lang.builder import CodeBuilder

KERNEL = Path(__file__).parents[2] / "kernel"
MARKS = {"emits", "entry", "function", "inline", "interns", "interrupt", "naked"}


def name_of(decorator: ast.expr) -> str:
    """Return the name that a decorator goes by."""
    return ast.unparse(decorator.func if isinstance(decorator, ast.Call) else decorator)


def is_marked(function: ast.FunctionDef) -> bool:
    """Return whether a decorator of the language says what `function` emits."""
    return not MARKS.isdisjoint(map(name_of, function.decorator_list))


def plain(nodes: list[ast.stmt]) -> Iterator[ast.FunctionDef]:
    """Yield the functions among `nodes` and in their classes that are nothing but Python."""
    for node in nodes:
        if isinstance(node, ast.ClassDef):
            yield from plain(node.body)
        elif isinstance(node, ast.FunctionDef) and not is_marked(node):
            yield node


def places() -> dict[tuple[str, int], str]:
    """Return the names of all of the kernel's plain functions by their places."""
    return {
        (str(file), min([one.lineno, *(mark.lineno for mark in one.decorator_list)])): one.name
        for file in KERNEL.rglob("*.py")
        for one in plain(ast.parse(file.read_text(encoding="utf-8")).body)
    }


def test_code_in_place_is_marked_inline(monkeypatch: pytest.MonkeyPatch) -> None:
    known, found, add = places(), set(), CodeBuilder.add

    def watched(*arguments: Any) -> None:
        frame = sys._getframe(1)
        while frame := frame.f_back:  # type: ignore[assignment]
            name = known.get((frame.f_code.co_filename, frame.f_code.co_firstlineno))
            if name is not None:
                found.add(f"{Path(frame.f_code.co_filename).relative_to(KERNEL)}: {name}")
        add(*arguments)

    monkeypatch.setattr(CodeBuilder, "add", watched)
    image().assemble()
    assert sorted(found) == []
