"""Statements that Python takes for something else than the author means.

`return`, `break` and `continue` end the writing of a block where the author means the running to
end, so that all code behind them is missing. A name alone, such as `hlt` without parentheses, emits
nothing, and neither does `int(3)`, which is Python's. A look at the source finds them; most code
has none, which a search for the words tells.
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
from typing import NamedTuple, TypeAlias

from pykasm.errors import FlowMistake, Mistake, report
from pykasm.source import Source, Span

_WORDS = re.compile(
    r"^\s+((return|break|continue)\b|(int|str)\(|[\w.]+(\[[^=\n]*\])?( [-+*&|^] [^=\n]*)?\s*(#.*)?$"
    r"|\w+ = -?([0-9]\w*|[a-z]\w*)\s*(#.*)?$)",
    re.MULTILINE,
)
"""How lines begin that are worth a look."""

BLOCKS = frozenset(
    [
        *("if_", "elif_", "else_", "while_", "do_while", "loop", "for_", "switch", "case"),
        *("default", "allowed", "unshared", "stub"),
    ]
)
"""The words whose blocks are written."""

MEANT = {"return": "ret(…)", "break": "break_()", "continue": "continue_()"}
"""What says of the running what these words say of the writing."""


KEPT = ("int", "str")
"""The mnemonics that Python has other functions for."""


class WayOut(NamedTuple):
    """A `word` of Python's at `span`, in the block of a `with` or before other statements."""

    word: str
    span: Span
    place: str

    @property
    def mistake(self) -> Mistake:
        """What is wrong with it."""
        meant = MEANT[self.word]
        return FlowMistake(
            f"Python's `{self.word}` ends what is written, whether or not it is run",
            expected=f"`{meant}`, which the machine runs",
            got=f"`{self.word}` {self.place}",
            fix=f"write `{meant}`; Python's words go where no code lies behind them",
            span=self.span,
        )


class Rebound(NamedTuple):
    """An assignment of Python's at `span` to the `name` of an operand: of `value`, which is no
    other operand."""

    span: Span
    name: str
    value: str

    @property
    def mistake(self) -> Mistake:
        """What is wrong with it."""
        return FlowMistake(
            f"`{self.name} = {self.value}` emits nothing",
            expected=f"`mov({self.name}, {self.value})`, which the machine runs",
            got=f"an assignment of Python's, which gives the name `{self.name}` away",
            fix=f"write `mov({self.name}, {self.value})`, or take another name",
            span=self.span,
        )


class Unconditional(NamedTuple):
    """An assignment of Python's at `span`, in the block of a `with`, that gives another number to a
    `name` which has had one since before the block."""

    span: Span
    name: str
    block: str

    @property
    def mistake(self) -> Mistake:
        """What is wrong with it."""
        return FlowMistake(
            f"`{self.span.text}` counts whether or not the block is run",
            expected=f"`{self.name}` in a register or in memory, where the machine can change it",
            got=f"an assignment of Python's in the block of `with {self.block}`",
            fix=f"`{self.name} = scratch(U64)`, and `mov({self.name}, …)` here",
            span=self.span,
        )


class Idle(NamedTuple):
    """A statement at `span` that does nothing, and what is `meant` instead."""

    span: Span
    meant: str

    @property
    def mistake(self) -> Mistake:
        """What is wrong with it."""
        return FlowMistake(
            f"`{self.span.text}` emits nothing",
            expected=f"`{self.meant}`",
            got="an expression of Python's, whose value nothing takes",
            fix=f"write `{self.meant}`",
            span=self.span,
        )


Found: TypeAlias = WayOut | Idle | Rebound | Unconditional
"""What is said to Python alone."""


def report_python(code: CodeType, is_routine: bool) -> None:
    """Report what `code`, which writes a routine or a part of one, says to Python alone.

    In the code of a routine itself all blocks count, elsewhere those of the language's words.
    """
    for one in _found(code, is_routine):
        report(one.mistake)


@cache
def _found(code: CodeType, is_routine: bool) -> tuple[Found, ...]:
    first = code.co_firstlineno
    lines = linecache.getlines(code.co_filename)[first - 1 :]
    last = max((line for _, _, line in code.co_lines() if line), default=first)
    if not _WORDS.search("".join(lines[: last - first + 1])):
        return ()
    try:
        [function] = ast.parse(dedent("".join(getblock(lines)))).body
    except (SyntaxError, ValueError):  # a part of a line, such as a lambda
        return ()
    if not isinstance(function, ast.FunctionDef):
        return ()
    indent = len(lines[0]) - len(lines[0].lstrip())
    search = _Search(code.co_filename, first, indent, is_routine)
    search.operands = _operands(function) if is_routine else frozenset()
    return (*search.in_block(function.body, "", False),)


class _Search:
    """Looks through the statements of a function at `first` in `file`, indented by `indent`."""

    def __init__(self, file: str, first: int, indent: int, is_routine: bool) -> None:
        self.file = file
        self.first = first
        self.indent = indent
        self.is_routine = is_routine
        self.operands: frozenset[str] = frozenset()
        """The names of parameters and of roles."""
        self.numbers: set[str] = set()
        """The names that have been given numbers outside of blocks."""

    def in_block(self, body: list[ast.stmt], block: str, in_loop: bool) -> Iterator[Found]:
        """Those in `body`, in a block of the word `block`, or there in a loop of Python's."""
        for statement, behind in zip(body, [*body[1:], None], strict=True):
            yield from self.in_statement(statement, behind, block, in_loop)

    def in_statement(
        self, statement: ast.stmt, behind: ast.stmt | None, block: str, in_loop: bool
    ) -> Iterator[Found]:
        """Those in `statement`, with the statement `behind` it."""
        word = _word(statement)
        if word == "return" or (word and not in_loop):
            if block:
                yield self.found(word, statement, f"in the block of `with {block}`")
            elif behind is not None and self.is_routine:
                yield self.found(word, statement, "before other statements")
        elif isinstance(statement, ast.Assign):
            yield from self.rebound(statement)
            yield from self.unconditional(statement, block)
        elif isinstance(statement, ast.Expr):
            meant = _meant(statement.value)
            if meant:
                yield Idle(self.span(statement, len(ast.unparse(statement))), meant)
        elif isinstance(statement, ast.With):
            inner = self.word_of(statement)
            yield from self.in_block(statement.body, inner or block, in_loop and not inner)
        elif not isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            loops = in_loop or isinstance(statement, ast.For | ast.While)
            for part in _blocks(statement):
                yield from self.in_block(part, block, loops)

    def rebound(self, statement: ast.Assign) -> Iterator[Rebound]:
        """The assignment `statement` if it gives the name of an operand to a number, or to another
        operand."""
        value = statement.value
        for target in statement.targets:
            if not isinstance(target, ast.Name) or target.id not in self.operands:
                continue
            if _is_number(value) or (isinstance(value, ast.Name) and value.id in self.operands):
                text = ast.unparse(statement)
                yield Rebound(self.span(statement, len(text)), target.id, ast.unparse(value))

    def unconditional(self, statement: ast.Assign, block: str) -> Iterator[Unconditional]:
        """The assignment `statement` in a `block` if it gives a number to a name that has had
        another since before."""
        for target in statement.targets:
            if not isinstance(target, ast.Name) or not _is_number(statement.value):
                continue
            if not block:
                self.numbers.add(target.id)
            elif target.id in self.numbers:
                length = len(ast.unparse(statement))
                yield Unconditional(self.span(statement, length), target.id, block)

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
        return WayOut(word, self.span(statement, len(word)), place)

    def span(self, statement: ast.stmt, length: int) -> Span:
        """The first `length` characters of `statement`."""
        source = Source(self.file, self.first + statement.lineno - 1)
        start = statement.col_offset + self.indent
        return Span(source, start, start + length)


def _blocks(statement: ast.AST) -> Iterator[list[ast.stmt]]:
    """The blocks of a statement: those of `else`, of handlers and of cases too."""
    for _, value in ast.iter_fields(statement):
        if isinstance(value, list) and value:
            if isinstance(value[0], ast.stmt):
                yield value
            elif isinstance(value[0], ast.ExceptHandler | ast.match_case):
                for one in value:
                    yield from _blocks(one)


def _operands(function: ast.FunctionDef) -> frozenset[str]:
    """The names of the parameters of a routine, of its roles, and of what its loops count."""
    found = {one.arg for one in function.args.args[1:]}
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
            word = node.value.func
            if isinstance(word, ast.Name) and word.id in ROLES:
                found |= {one.id for one in node.targets if isinstance(one, ast.Name)}
        if isinstance(node, ast.withitem) and isinstance(node.optional_vars, ast.Name):
            call = node.context_expr
            if isinstance(call, ast.Call) and ast.unparse(call.func) == "for_":
                found.add(node.optional_vars.id)
    return frozenset(found)


ROLES = ("keep", "scratch", "local")


def _is_number(value: ast.expr) -> bool:
    if isinstance(value, ast.UnaryOp):
        value = value.operand
    return isinstance(value, ast.Constant) and isinstance(value.value, int)


def _meant(value: ast.expr) -> str:
    """What is meant by the statement `value`; empty if that is what it says."""
    text = ast.unparse(value)
    if isinstance(value, ast.Name | ast.Attribute):
        return f"{text}()"
    if isinstance(value, ast.BinOp) and type(value.op) in SUMS:
        left, right = ast.unparse(value.left), ast.unparse(value.right)
        return f"{SUMS[type(value.op)]}({left}, {right})"
    if isinstance(value, ast.Subscript):
        return f"mov(…, {text})"
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id in KEPT:
        return text.replace("(", "_(", 1)
    return ""


SUMS = {ast.Add: "add", ast.Sub: "sub", ast.BitOr: "or_", ast.BitAnd: "and_", ast.BitXor: "xor"}
"""What sums of Python's are as instructions."""


def _word(statement: ast.stmt) -> str:
    match statement:
        case ast.Return():
            return "return"
        case ast.Break():
            return "break"
        case ast.Continue():
            return "continue"
    return ""
