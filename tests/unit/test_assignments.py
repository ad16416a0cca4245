"""Names that expressions are assigned to, and how they are remembered."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from pykasm import assignments
from pykasm.assignments import assigned_names, know_names, names_in
from pykasm.syntax import nodes_of


def names(folder: Path, text: str) -> assignments.Names:
    file = folder / "author.py"
    file.write_text(text)
    return assigned_names(str(file))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x = f(1)", {(1, 4): "x"}),
        ("x = y = f()", {(1, 8): "y"}),
        ("x, y = f(), g()", {(1, 7): "x", (1, 12): "y"}),
        ("self.x = f()", {(1, 9): "self.x"}),
        ("x: int = f()", {(1, 9): "x"}),
        ("x: int", {}),
        ("print(x := f())", {(1, 11): "x"}),
        ("with for_(f(), 9) as i:\n    pass", {(1, 5): "i", (1, 10): "i"}),
        ("x, y = f()", {}),
        ("no Python", {}),
    ],
)
def test_names_by_the_places_of_their_values(
    tmp_path: Path, text: str, expected: assignments.Names
) -> None:
    assert names(tmp_path, text) == expected


def test_a_file_is_read_once_for_all_processes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "once = f()\n"
    left = names_in(text, nodes_of(ast.parse(text)))
    monkeypatch.setattr(assignments, "_known", {})
    know_names(dict([left]))
    assert names(tmp_path, text) is left[1]
