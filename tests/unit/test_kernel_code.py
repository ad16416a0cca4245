"""What emits code in the kernel says so, and private names are private."""

from __future__ import annotations

import ast
import re
import sys
from collections import Counter
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


OF_OPERANDS = {"_host", "_kind", "_register", "_role", "_signed", "_size", "_text"}
"""What operands and types of the language have under such names, as other names are fields."""


def is_own(node: ast.Attribute) -> bool:
    """Return whether an attribute is one of `self`."""
    return isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")


def trees() -> dict[Path, ast.Module]:
    """Return the syntax of all files of the kernel."""
    return {one: ast.parse(one.read_text(encoding="utf-8")) for one in KERNEL.rglob("*.py")}


def is_private(name: str) -> bool:
    """Return whether a name is private to a class of the kernel."""
    return re.match("_[a-z]", name) is not None and name not in OF_OPERANDS


def private_uses(tree: ast.Module) -> Iterator[str]:
    """Yield what of other classes and modules `tree` uses under a private name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and is_private(node.attr) and not is_own(node):
            yield f"{node.lineno}: {node.attr}"
        if isinstance(node, ast.ImportFrom) and node.level + len(node.module or ""):
            yield from (one.name for one in node.names if one.name.startswith("_"))


def test_private_names_are_used_by_their_class_alone() -> None:
    found = {str(file): [*private_uses(tree)] for file, tree in trees().items()}
    assert {file: uses for file, uses in found.items() if uses} == {}


def test_a_use_of_a_private_name_is_found() -> None:
    broken = "from kernel.mm.pages import _open\nself.pages._open(zone)\nself._open(zone)"
    assert [*private_uses(ast.parse(broken))] == ["_open", "2: _open"]


def code_of(kind: ast.ClassDef) -> Iterator[str]:
    """Yield the names of the public methods of a class that emit code."""
    for one in kind.body:
        if isinstance(one, ast.FunctionDef) and is_marked(one) and not one.name.startswith("_"):
            yield one.name


def given_away(kind: ast.ClassDef) -> Iterator[str]:
    """Yield the attributes that a class uses of others, and what of its own it gives to others in
    its constructor, such as tests."""
    for method in kind.body:
        constructs = isinstance(method, ast.FunctionDef) and method.name == "__init__"
        for node in ast.walk(method):
            if isinstance(node, ast.Attribute) and (constructs or not is_own(node)):
                yield node.attr


def inherited(kind: ast.ClassDef, kinds: dict[str, ast.ClassDef]) -> Iterator[str]:
    """Yield the names of the methods of the bases of `kind`, and of those that they use."""
    for base in kind.bases:
        found = kinds.get(ast.unparse(base).partition("[")[0])
        if found is not None:
            yield from code_of(found)
            yield from inherited(found, kinds)


def used_by_subclasses(kind: ast.ClassDef, kinds: dict[str, ast.ClassDef]) -> Iterator[str]:
    """Yield the names of methods of its bases that `kind` uses."""
    of_bases = {*inherited(kind, kinds)}
    for node in ast.walk(kind):
        if isinstance(node, ast.Attribute) and node.attr in of_bases:
            yield node.attr


def only_for_itself(kernel: list[ast.Module], elsewhere: str) -> list[str]:
    """Return the public code of classes of the `kernel` that nobody but the class uses, and that
    the text `elsewhere` does not name."""
    classes = [one for tree in kernel for one in tree.body if isinstance(one, ast.ClassDef)]
    kinds = {one.name: one for one in classes}
    used = {name for kind in classes for name in given_away(kind)}
    used |= {name for kind in classes for name in used_by_subclasses(kind, kinds)}
    used |= {
        node.attr
        for tree in kernel
        for outside in tree.body
        if not isinstance(outside, ast.ClassDef)
        for node in ast.walk(outside)
        if isinstance(node, ast.Attribute)
    }
    named = {*re.findall(r"\.(\w+)", elsewhere)}
    return sorted(
        f"{kind.name}.{name}"
        for kind in classes
        for name in code_of(kind)
        if name not in used | named | {*inherited(kind, kinds)}
    )


def test_what_only_its_class_uses_is_private() -> None:
    files = [*(KERNEL.parent / "tests").rglob("*.py"), KERNEL / "README.md"]
    files += KERNEL.rglob("contents.py")
    texts = "".join(one.read_text(encoding="utf-8") for one in files)
    assert only_for_itself([*trees().values()], texts) == []


def test_public_code_that_only_its_class_uses_is_found() -> None:
    written = """
class Pages:
    @function
    def allocate(self):
        self.open()
        self.close()

    @function
    def open(self):
        pass

    @function
    def close(self):
        pass

class Heap:
    @function
    def allocate(self):
        self.pages.allocate()
"""
    assert only_for_itself([ast.parse(written)], "pages.close(1)") == ["Pages.open"]


def test_no_two_classes_have_one_name() -> None:
    names = Counter(
        one.name for tree in trees().values() for one in tree.body if isinstance(one, ast.ClassDef)
    )
    assert [name for name, count in names.items() if count > 1] == []


def is_number_for_truth(node: ast.Call) -> bool:
    """Return whether `node` is `ret(0)` or `ret(1)`."""
    return ast.unparse(node) in ("ret(0)", "ret(1)")


def test_functions_that_answer_yes_or_no_say_so() -> None:
    found = [
        f"{file.relative_to(KERNEL)}:{node.lineno}"
        for file, tree in trees().items()
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef)
        and function.returns is not None
        and ast.unparse(function.returns) == "Bool"
        for node in ast.walk(function)
        if isinstance(node, ast.Call) and is_number_for_truth(node)
    ]
    assert found == []
