"""The expressions at the heads of blocks in the author's code: `x` of `with x:` and `if x:`.

Where code at a head fails, Python up to 3.12 says that it was the whole statement, later ones that
it was the expression.
"""

from __future__ import annotations

import ast
import linecache
from functools import cache
from typing import NamedTuple

from pykasm.syntax import nodes_of

BLOCKS = ("with", "if", "elif", "while", "for")
"""What such statements begin with."""


class Stretch(NamedTuple):
    """Where an expression begins and ends, in lines from 1 and in bytes of their text."""

    line: int
    column: int
    end_line: int
    end_column: int


@cache
def block_heads(file: str) -> dict[tuple[int, int], Stretch]:
    """The heads of all blocks in `file`, by the line and the column where their statements begin;
    none if that is not Python."""
    try:
        tree = ast.parse("".join(linecache.getlines(file)))
    except SyntaxError:
        return {}
    return {
        (node.lineno, node.col_offset): _stretch(expressions)
        for node in nodes_of(tree)
        if isinstance(node, ast.stmt) and (expressions := _expressions(node))
    }


def _expressions(node: ast.stmt) -> list[ast.expr]:
    """What is evaluated at the head of a block; nothing for other statements."""
    if isinstance(node, ast.With):
        return [one.context_expr for one in node.items]
    if isinstance(node, ast.If | ast.While):
        return [node.test]
    return [node.iter] if isinstance(node, ast.For) else []


def _stretch(expressions: list[ast.expr]) -> Stretch:
    first, last = expressions[0], expressions[-1]
    end = last.end_lineno or last.lineno, last.end_col_offset or last.col_offset
    return Stretch(first.lineno, first.col_offset, *end)
