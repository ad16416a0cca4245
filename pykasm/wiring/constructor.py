"""The constructor of a class: its parameters, and where they stand in the author's source."""

from __future__ import annotations

import ast
import linecache
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from inspect import CO_ASYNC_GENERATOR, CO_COROUTINE, CO_GENERATOR, unwrap
from types import FunctionType
from typing import Any

from pykasm.errors import WiringMistake
from pykasm.source import Source, Span, is_pykasms_file, line_span


@dataclass(frozen=True, slots=True)
class Constructor:
    """The parameters of `owner.__init__` that stand for one argument each, without `self`.

    The first `by_position` of the `names` may be given without their name. `hints` are the
    annotations as they are written: text where the `module` puts their evaluation off.
    """

    owner: type[Any]
    names: tuple[str, ...]
    by_position: int
    with_default: frozenset[str]
    hints: Mapping[str, object]
    module: dict[str, Any]

    def span(self, name: str) -> Span | None:
        """The parameter `name` with its annotation; None if it stands in no source."""
        code = unwrap(self.owner.__init__).__code__
        if is_pykasms_file(code.co_filename):
            return None
        for node in ast.walk(_tree(code.co_filename)):
            if isinstance(node, ast.FunctionDef) and _first_line(node) == code.co_firstlineno:
                for one in ast.walk(node.args):
                    if isinstance(one, ast.arg) and one.arg == name:
                        return _span(code.co_filename, one)
        return None


def constructor_of(owner: type[Any]) -> Constructor:
    """The constructor of `owner`; one without parameters if it is not written in Python."""
    if owner not in _known:
        _known[owner] = _constructor(owner, unwrap(owner.__init__))
    return _known[owner]


_known: dict[type[Any], Constructor] = {}


def _constructor(owner: type[Any], function: object) -> Constructor:
    # `inspect.signature` does this and more, in ten times the time
    if not isinstance(function, FunctionType):
        return Constructor(owner, (), 0, frozenset(), {}, {})
    code = function.__code__
    if code.co_flags & _NO_CONSTRUCTOR:
        raise WiringMistake(
            f"the constructor of `{owner.__name__}` is a generator, or asynchronous",
            expected="a plain `def __init__` without `yield`",
            got=f"`{code.co_name}`, which makes something else than an object of its class",
            span=line_span(Source(code.co_filename, code.co_firstlineno)),
        )
    names = code.co_varnames[1 : code.co_argcount + code.co_kwonlyargcount]
    by_position = code.co_argcount - 1
    defaults = names[by_position - len(function.__defaults__ or ()) : by_position]
    with_default = frozenset({*defaults, *(function.__kwdefaults__ or ())})
    hints = _annotations(function)
    return Constructor(owner, names, by_position, with_default, hints, function.__globals__)


_NO_CONSTRUCTOR = CO_GENERATOR | CO_COROUTINE | CO_ASYNC_GENERATOR


def _annotations(function: FunctionType) -> Mapping[str, object]:
    if sys.version_info >= (3, 14):
        from annotationlib import Format, get_annotations

        return get_annotations(function, format=Format.FORWARDREF)
    return function.__annotations__


def _tree(file: str) -> ast.Module:
    try:
        return ast.parse("".join(linecache.getlines(file)))
    except SyntaxError:
        return ast.Module([], [])


def _first_line(node: ast.FunctionDef) -> int:
    return node.decorator_list[0].lineno if node.decorator_list else node.lineno


def _span(file: str, node: ast.arg) -> Span:
    """The first line of `node`; columns of `ast` count bytes."""
    source = Source(file, node.lineno)
    raw = linecache.getline(file, node.lineno).rstrip().encode()
    end = node.end_col_offset if node.end_lineno == node.lineno else None
    return Span(source, len(raw[: node.col_offset].decode()), len(raw[:end].decode()))
