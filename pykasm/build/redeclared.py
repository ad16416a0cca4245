"""Data and fields that a class declares twice: for Python the second takes the place of the first,
without a word."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from pykasm.errors import DeclarationMistake
from pykasm.source import Source, line_span

STORAGES = frozenset({"boot", "bss", "data", "header", "note", "percpu", "rodata"})
"""The words that make data."""


class Redeclared(NamedTuple):
    """The `name` of a class's datum or field, declared again in `line` after `first`."""

    owner: str
    name: str
    first: int
    line: int

    def mistake(self, file: str) -> DeclarationMistake:
        """What is wrong with it, in `file`."""
        return DeclarationMistake(
            f"`{self.owner}.{self.name}` is declared twice",
            expected="one datum or field of a name",
            got=f"another one in line {self.first}, which this replaces",
            fix="give one of them another name",
            span=line_span(Source(file, self.line)),
        )


def redeclared(nodes: Iterable[ast.AST]) -> tuple[Redeclared, ...]:
    """All such among the syntax `nodes` of a module."""
    return tuple(one for node in nodes if isinstance(node, ast.ClassDef) for one in _in_class(node))


def _in_class(owner: ast.ClassDef) -> Iterator[Redeclared]:
    known: dict[str, int] = {}
    for statement in owner.body:
        name = _declared(statement)
        if name in known:
            yield Redeclared(owner.name, name, known[name], statement.lineno)
        elif name:
            known[name] = statement.lineno


def _declared(statement: ast.stmt) -> str:
    """The name of the datum or of the field that `statement` declares; empty if it is another."""
    if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
        return statement.target.id
    match statement:
        case ast.Assign([ast.Name(name)], ast.Call(ast.Name(word))) if word in STORAGES:
            return name
    return ""
