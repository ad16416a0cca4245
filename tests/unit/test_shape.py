"""Routines stay short enough to be read at once."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
MOST_LINES = 60
"""Of a routine, from its `def` to its end."""


def routines() -> Iterator[tuple[str, int]]:
    """Every routine of the kernel and of pykasm, with its lines."""
    for file in (*(ROOT / "kernel").rglob("*.py"), *(ROOT / "pykasm").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef):
                assert node.end_lineno is not None
                yield f"{file.relative_to(ROOT)}:{node.name}", node.end_lineno - node.lineno + 1


def test_no_routine_is_longer_than_a_screen() -> None:
    assert [(name, lines) for name, lines in routines() if lines > MOST_LINES] == []


def test_nine_in_ten_are_short() -> None:
    lengths = sorted(lines for _, lines in routines())
    assert lengths[len(lengths) // 2] <= 12
    assert lengths[len(lengths) * 9 // 10] <= 40
