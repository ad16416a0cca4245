"""Python's own ways out of a block whose code is being written: `return`, `break`, `continue`.

They end the writing where the author means the running to end, so that all code behind them is
missing. A look at the source finds them; most code has none, which a search for the words tells.
"""

from __future__ import annotations

import ast
import linecache
import re
from collections.abc import Iterator
from functools import cache
from inspect import getblock
from textwrap import dedent
from types import CodeType
from typing import NamedTuple

from pykasm.errors import FlowMistake, report
from pykasm.source import Source, Span

_WORDS = re.compile(r"\s+(return|break|continue)\b")

BLOCKS = frozenset(
    [
        *("if_", "elif_", "else_", "while_", "do_while", "loop", "for_", "switch", "case"),
        *("default", "allowed", "unshared", "stub"),
    ]
)
"""The words whose blocks are written."""

MEANT = {"return": "ret(…)", "break": "break_()", "continue": "continue_()"}
"""What says of the running what these words say of the writing."""


class WayOut(NamedTuple):
    """A `word` of Python's at `span`, in the block of a `with` or before other statements."""

    word: str
    span: Span
    place: str


def report_ways_out(code: CodeType, is_routine: bool) -> None:
    """Report the ways out that `code`, which writes a routine or a part of one, takes in blocks.

    In the code of a routine itself all blocks count, elsewhere those of the language's words.
    """
    for one in _ways_out(code, is_routine):
        meant = MEANT[one.word]
        report(
            FlowMistake(
                f"Python's `{one.word}` ends what is written, whether or not it is run",
                expected=f"`{meant}`, which the machine runs",
                got=f"`{one.word}` {one.place}",
                fix=f"write `{meant}`; Python's words go where no code lies behind them",
                span=one.span,
            )
        )


@cache
def _ways_out(code: CodeType, is_routine: bool) -> tuple[WayOut, ...]:
    first = code.co_firstlineno
    lines = linecache.getlines(code.co_filename)[first - 1 :]
    last = max((line for _, _, line in code.co_lines() if line), default=first)
    if not any(map(_WORDS.match, lines[: last - first + 1])):
        return ()
    try:
        [function] = ast.parse(dedent("".join(getblock(lines)))).body
    except (SyntaxError, ValueError):  # a part of a line, such as a lambda
        return ()
    if not isinstance(function, ast.FunctionDef):
        return ()
    indent = len(lines[0]) - len(lines[0].lstrip())
    search = _Search(code.co_filename, first, indent, is_routine)
    return (*search.in_block(function.body, "", False),)


class _Search:
    """Looks through the statements of a function at `first` in `file`, indented by `indent`."""

    def __init__(self, file: str, first: int, indent: int, is_routine: bool) -> None:
        self.file = file
        self.first = first
        self.indent = indent
        self.is_routine = is_routine

    def in_block(self, body: list[ast.stmt], block: str, in_loop: bool) -> Iterator[WayOut]:
        """Those in `body`, in a block of the word `block`, or there in a loop of Python's."""
        for statement, behind in zip(body, [*body[1:], None], strict=True):
            yield from self.in_statement(statement, behind, block, in_loop)

    def in_statement(
        self, statement: ast.stmt, behind: ast.stmt | None, block: str, in_loop: bool
    ) -> Iterator[WayOut]:
        """Those in `statement`, with the statement `behind` it."""
        word = _word(statement)
        if word == "return" or (word and not in_loop):
            if block:
                yield self.found(word, statement, f"in the block of `with {block}`")
            elif behind is not None and self.is_routine:
                yield self.found(word, statement, "before other statements")
        elif isinstance(statement, ast.With):
            inner = self.word_of(statement)
            yield from self.in_block(statement.body, inner or block, in_loop and not inner)
        elif not isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            loops = in_loop or isinstance(statement, ast.For | ast.While)
            for part in _blocks(statement):
                yield from self.in_block(part, block, loops)

    def word_of(self, statement: ast.With) -> str:
        """The word that opens the block of `statement`, if that writes code."""
        for item in statement.items:
            call = item.context_expr
            if isinstance(call, ast.Call):
                name = ast.unparse(call.func)
                if self.is_routine or name in BLOCKS:
                    return name
        return ""

    def found(self, word: str, statement: ast.stmt, place: str) -> WayOut:
        """`word`, with where it stands in the file."""
        source = Source(self.file, self.first + statement.lineno - 1)
        start = statement.col_offset + self.indent
        return WayOut(word, Span(source, start, start + len(word)), place)


def _blocks(statement: ast.AST) -> Iterator[list[ast.stmt]]:
    """The blocks of a statement: those of `else`, of handlers and of cases too."""
    for _, value in ast.iter_fields(statement):
        if isinstance(value, list) and value:
            if isinstance(value[0], ast.stmt):
                yield value
            elif isinstance(value[0], ast.ExceptHandler | ast.match_case):
                for one in value:
                    yield from _blocks(one)


def _word(statement: ast.stmt) -> str:
    match statement:
        case ast.Return():
            return "return"
        case ast.Break():
            return "break"
        case ast.Continue():
            return "continue"
    return ""
