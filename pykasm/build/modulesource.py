"""A module's source, cut into what only one function's code depends on, and the rest.

The code of a function follows from its own body and from everything else that the project's modules
say, but not from the bodies of other functions: those it sees as symbols with signatures. So a
module falls into the *bodies* of its `@function`s and the like, and the *rest*: signatures, helpers
that emit code where they are called, structs, constants, wiring.
"""

from __future__ import annotations

import ast
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from hashlib import blake2b
from typing import NamedTuple, TypeAlias

from pykasm.syntax import for_type_checkers

WORDS = frozenset({"emits", "entry", "function", "interrupt", "naked"})
"""The decorators of methods whose bodies are run for their own code alone."""

PURE = frozenset(
    {
        *("__future__", "abc", "array", "bisect", "collections", "contextlib", "copy"),
        *("dataclasses", "enum", "functools", "heapq", "itertools", "keyword", "math"),
        *("operator", "re", "string", "struct", "sys", "textwrap", "types", "typing"),
    }
)
"""Modules of Python's library whose values are the same in each run."""

IMPURE_NAMES = frozenset({"__import__", "compile", "eval", "exec", "globals", "open"})
"""Built-in functions by which code may depend on anything."""

DIGEST_SIZE = 16


class Body(NamedTuple):
    """The body of one function: a digest of its text, and its first and last line."""

    digest: bytes
    first: int
    last: int


class ModuleSource(NamedTuple):
    """A module's source in parts.

    `bodies` are by the qualified names of their functions. `rest` is a digest of all other lines
    that mean something to Python, wherever they stand: `lines` are their numbers. `words` are the
    decorators in use, which must be pykasm's. `imports` are the modules that it names beside those
    of `PURE`, each with what it takes from there; None where it may depend on things that no source
    tells. `variables` are the names that it gives values to.
    """

    rest: bytes
    bodies: dict[str, tuple[Body, ...]]
    lines: bytes
    words: frozenset[str]
    imports: frozenset[tuple[str, str]] | None
    variables: frozenset[str]

    @classmethod
    def of(cls, tree: ast.Module, nodes: list[ast.AST], text: str) -> ModuleSource:
        """The parts of the module `text`, whose syntax `tree` is, with all its `nodes`."""
        lines = text.splitlines()
        bodies: dict[str, tuple[Body, ...]] = {}
        words: set[str] = set()
        inside: set[int] = set()
        for name, word, node in _opaque(tree, ""):
            first, last = node.body[0].lineno, node.body[-1].end_lineno or 0
            body = Body(_digest("\n".join(lines[first - 1 : last])), first, last)
            bodies[name] = (*bodies.get(name, ()), body)
            words.add(word)
            inside.update(range(first, last + 1))
        texts = _lines_of_texts(nodes)
        numbers = [
            number
            for number, line in enumerate(lines, 1)
            if number not in inside and (_says_something(line) or number in texts)
        ]
        rest = _digest("\n".join(lines[number - 1] for number in numbers))
        kept = array("I", numbers).tobytes()
        return cls(rest, bodies, kept, frozenset(words), _imports(tree, nodes), _variables(tree))


class Layout:
    """Which line of a module belongs to which of its parts."""

    def __init__(self, source: ModuleSource) -> None:
        spans = [
            (body.first, body.last, name, number)
            for name, bodies in source.bodies.items()
            for number, body in enumerate(bodies)
        ]
        self._spans = sorted(spans)
        self._first = [one[0] for one in self._spans]
        self._lines = array("I", source.lines)
        self.digest = _digest(f"{[span[:2] for span in self._spans]} {source.lines.hex()}")
        """Changes where any part moves."""

    def place(self, line: int) -> Place:
        """Where `line` is among the parts, whatever line the part begins at: the function and how
        far in it, or whether it is
        one of the rest and how many of those come before."""
        number = bisect_right(self._first, line) - 1
        if number >= 0:
            first, last, name, turn = self._spans[number]
            if line <= last:
                return name, turn, line - first
        before = bisect_left(self._lines, line)
        is_kept = before < len(self._lines) and self._lines[before] == line
        return "", int(is_kept), before


Place: TypeAlias = tuple[str, int, int]


def _digest(text: str) -> bytes:
    return blake2b(text.encode(), digest_size=DIGEST_SIZE).digest()


def _says_something(line: str) -> bool:
    text = line.strip()
    return bool(text) and not text.startswith("#")


def _opaque(
    node: ast.Module | ast.ClassDef, prefix: str
) -> Iterator[tuple[str, str, ast.FunctionDef]]:
    """The methods in `node` with bodies of their own: their qualified names and decorators."""
    for one in node.body:
        if isinstance(one, ast.ClassDef):
            yield from _opaque(one, f"{prefix}{one.name}.")
        elif isinstance(one, ast.FunctionDef) and isinstance(node, ast.ClassDef):
            word = _only_decorator(one)
            if word in WORDS and _begins_a_line(one):
                yield prefix + one.name, word, one


def _only_decorator(function: ast.FunctionDef) -> str:
    if len(function.decorator_list) != 1:
        return ""
    decorator = function.decorator_list[0]
    name = decorator.func if isinstance(decorator, ast.Call) else decorator
    return name.id if isinstance(name, ast.Name) else ""


def _begins_a_line(function: ast.FunctionDef) -> bool:
    """Whether no line of the body is also one of the signature."""
    arguments = [one.end_lineno or 0 for one in ast.walk(function.args) if isinstance(one, ast.arg)]
    returns = [function.returns.end_lineno or 0] if function.returns is not None else []
    return function.body[0].lineno > max([function.lineno, *arguments, *returns])


def _lines_of_texts(nodes: list[ast.AST]) -> set[int]:
    """The lines that texts of several lines take: there nothing is a comment or empty."""
    return {
        line
        for node in nodes
        if isinstance(node, ast.Constant | ast.JoinedStr) and node.end_lineno != node.lineno
        for line in range(node.lineno, (node.end_lineno or 0) + 1)
    }


def _variables(tree: ast.Module) -> frozenset[str]:
    """The names that a module assigns to outside of functions and classes."""
    waiting: list[ast.AST] = [tree]
    found: set[str] = set()
    for node in waiting:  # grows while nodes are met
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        if not isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Lambda):
            waiting += ast.iter_child_nodes(node)
    return frozenset(found)


def _may_be_impure(tree: ast.Module, nodes: list[ast.AST]) -> bool:
    """Whether a module may ask for one of `IMPURE_NAMES`. None does where all that names it comes
    after a line that gives the name to a variable of the module."""
    named = [one for one in nodes if isinstance(one, ast.Name) and one.id in IMPURE_NAMES]
    gone = {one.id for one in named if isinstance(one.ctx, ast.Del)}
    given = {
        target.id: one.end_lineno or one.lineno
        for one in reversed(tree.body)  # the first one counts
        if isinstance(one, ast.Assign)
        for target in one.targets
        if isinstance(target, ast.Name) and target.id not in gone
    }
    return any(
        isinstance(one.ctx, ast.Load) and one.lineno <= given.get(one.id, one.lineno)
        for one in named
    )


def _imports(tree: ast.Module, nodes: list[ast.AST]) -> frozenset[tuple[str, str]] | None:
    found: set[tuple[str, str]] = set()
    skipped = {id(node) for node in for_type_checkers(nodes)}
    if _may_be_impure(tree, nodes):
        return None
    for node in nodes:
        if not isinstance(node, ast.Import | ast.ImportFrom) or id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            found.update((one.name, "") for one in node.names)
        elif node.level:
            return None
        else:
            found.update((node.module or "", one.name) for one in node.names)
    return frozenset(one for one in found if one[0].partition(".")[0] not in PURE)
