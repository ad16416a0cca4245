"""The names that expressions in the author's code are assigned to."""

from __future__ import annotations

import ast
import linecache
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from hashlib import blake2b
from typing import TypeAlias

from pykasm.syntax import nodes_of

Names: TypeAlias = dict[tuple[int, int], str]
"""Names by the line and the column where the expression starts that is assigned to them."""

_known: dict[bytes, Names] = {}
"""The names in files by digests of their text, from this process and from earlier ones."""


def know_names(names: Mapping[bytes, Names]) -> None:
    """Take over what `names_in` told, maybe in an earlier process."""
    _known.update(names)


@cache
def assigned_names(file: str) -> Names:
    """The names in `file`; none if that is not Python."""
    text = "".join(linecache.getlines(file))
    key = _key(text)
    if key not in _known:
        try:
            know_names(dict([names_in(text, nodes_of(ast.parse(text)))]))
        except SyntaxError:
            return {}
    return _known[key]


def names_in(text: str, nodes: Iterable[ast.AST]) -> tuple[bytes, Names]:
    """The names in `text`, whose syntax has these `nodes`, with a digest of it."""
    names = {
        (value.lineno, value.col_offset): _spelled(target)
        for node in nodes
        if isinstance(node, _ASSIGNING)
        for pair in _assigned(node)
        for target, value in _single(*pair)
    }
    return _key(text), names


def _key(text: str) -> bytes:
    return blake2b(text.encode(), digest_size=16).digest()


_ASSIGNING = (ast.Assign, ast.NamedExpr, ast.AnnAssign, ast.withitem)


def _spelled(target: ast.expr) -> str:
    return target.id if isinstance(target, ast.Name) else ast.unparse(target)


def _assigned(node: ast.AST) -> Iterator[tuple[ast.expr, ast.expr]]:
    """The targets in a statement or an expression, with what is assigned to them."""
    if isinstance(node, ast.Assign):
        yield from ((target, node.value) for target in node.targets)
    elif isinstance(node, ast.NamedExpr | ast.AnnAssign) and node.value is not None:
        yield node.target, node.value
    elif isinstance(node, ast.withitem) and node.optional_vars is not None:
        yield node.optional_vars, node.context_expr
        if isinstance(node.context_expr, ast.Call) and node.context_expr.args:
            # `with for_(keep(U32), 0, 9) as i`: what `i` names is made in the first argument
            yield node.optional_vars, node.context_expr.args[0]


def _single(target: ast.expr, value: ast.expr) -> Iterator[tuple[ast.expr, ast.expr]]:
    """The names in a target with their own values, through tuples on both sides."""
    if isinstance(target, ast.Name | ast.Attribute):
        yield target, value
    elif isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        for one_target, one_value in zip(target.elts, value.elts, strict=False):
            yield from _single(one_target, one_value)
