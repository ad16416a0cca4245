"""Faults in the source of a function: the tree of its body is changed and it is written again."""

from __future__ import annotations
import __future__

import ast
import inspect
from collections.abc import Callable
from copy import deepcopy
from typing import Any, TypeAlias

from pykasm.lang.function import BoundFunction, Function
from tests.mutation.kind import FaultKind

Rewrite: TypeAlias = Callable[[ast.AST], ast.AST | None]

REWRITES: dict[FaultKind, Rewrite] = {}
"""What makes each kind of fault: a node in place of one that has the fault, None for no fault."""

WIDTHS = {"8": "16", "16": "8", "32": "64", "64": "32"}
"""The width in bits that a type or view is given by mistake."""

LAST = "is_last"
"""The attribute that marks the last statement of the body of a function with a result."""


def rewrites(name: str, rules: str = "") -> Callable[[Rewrite], Rewrite]:
    """Register the function below as a maker of faults of the kind `name`, which `rules` forbid."""

    def entered(rewrite: Rewrite) -> Rewrite:
        REWRITES[FaultKind(name, rules)] = rewrite
        return rewrite

    return entered


def _called(node: ast.AST) -> str:
    """The plain name that `node` calls."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return node.func.id
    return ""


def _is_own_call(node: ast.AST) -> bool:
    """Whether `node` calls a function of a subsystem: `self.…(…)`."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return False
    seek: ast.expr = node.func
    while isinstance(seek, ast.Attribute):
        seek = seek.value
    return isinstance(seek, ast.Name) and seek.id == "self"


@rewrites("keep dropped", "E011 E012")
def _unkept(node: ast.AST) -> ast.AST | None:
    """`keep(value)` becomes the value itself, `keep(TYPE)` a scratch register."""
    if _called(node) != "keep":
        return None
    assert isinstance(node, ast.Call)
    value = node.args[0]
    if isinstance(value, ast.Name) and not value.id[0].isupper():
        return value
    if isinstance(value, ast.Call):
        return value
    return ast.Call(ast.Name("scratch", ast.Load()), node.args, [])


@rewrites("argument forgotten", "E07x")
def _argument_forgotten(node: ast.AST) -> ast.AST | None:
    if not _is_own_call(node) or not node.args:  # type: ignore[attr-defined]
        return None
    return ast.Call(node.func, node.args[:-1], node.keywords)  # type: ignore[attr-defined]


@rewrites("type of another width", "E010 E07x")
def _width_mistaken(node: ast.AST) -> ast.AST | None:
    if not isinstance(node, ast.Name) or node.id[:1] not in ("u", "U", "i", "I"):
        return None
    other = WIDTHS.get(node.id[1:])
    return ast.Name(node.id[0] + other, node.ctx) if other else None


@rewrites("width of a machine register", "E010 E07x")
def _register_mistaken(node: ast.AST) -> ast.AST | None:
    """`eax` for `rax` and for `al`."""
    other = {f"r{one}": f"e{one}" for one in ("ax", "cx", "dx", "di", "si")}
    other |= {f"{one}l": f"e{one}x" for one in "acd"}
    if not isinstance(node, ast.Name) or node.id not in other:
        return None
    return ast.Name(other[node.id], node.ctx)


@rewrites("result dropped", "E07x")
def _result_forgotten(node: ast.AST) -> ast.AST | None:
    """`ret(value)` becomes `ret()`."""
    if _called(node) != "ret" or not node.args:  # type: ignore[attr-defined]
        return None
    return ast.Call(node.func, [], [])  # type: ignore[attr-defined]


@rewrites("last return forgotten", "E07x E030")
def _last_return_forgotten(node: ast.AST) -> ast.AST | None:
    """`ret(value)` is not there at the end of the body."""
    return ast.Pass() if _is_return(node) and getattr(node, LAST, False) else None


@rewrites("return inside forgotten")
def _return_forgotten(node: ast.AST) -> ast.AST | None:
    """`ret(value)` is not there inside a block; what follows it runs on."""
    return ast.Pass() if _is_return(node) and not getattr(node, LAST, False) else None


def _is_return(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and _called(node.value) in ("ret", "tail")


@rewrites("name without a value", "E010 E07x")
def _assignment_forgotten(node: ast.AST) -> ast.AST | None:
    """`name = …` is not there."""
    return ast.Pass() if isinstance(node, ast.Assign) else None


@rewrites("arguments swapped")
def _arguments_swapped(node: ast.AST) -> ast.AST | None:
    if not _is_own_call(node) or len(node.args) < 2:  # type: ignore[attr-defined]
        return None
    first, second, *others = node.args  # type: ignore[attr-defined]
    return ast.Call(node.func, [second, first, *others], node.keywords)  # type: ignore[attr-defined]


@rewrites("comparison turned round")
def _comparison_turned(node: ast.AST) -> ast.AST | None:
    """`a < b` becomes `b < a`."""
    if not isinstance(node, ast.Compare) or isinstance(node.ops[0], ast.Eq | ast.NotEq):
        return None
    return ast.Compare(node.comparators[0], node.ops, [node.left])


@rewrites("statement forgotten")
def _statement_forgotten(node: ast.AST) -> ast.AST | None:
    forgotten = isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)
    return ast.Pass() if forgotten and _called(node.value) not in ("ret", "tail") else None  # type: ignore[attr-defined]


class Body:
    """The source of a function of the kernel, from which it can be made with a fault."""

    def __init__(self, bound: BoundFunction[Any]) -> None:
        self.bound = bound
        self.body = bound._function.body
        lines, first = inspect.getsourcelines(self.body)
        # inside of a class the columns stay what they are in the file
        self.tree = ast.parse("class Holder:\n" + "".join(lines))
        ast.increment_lineno(self.tree, first - 2)
        [self.definition] = self.tree.body[0].body  # type: ignore[attr-defined]
        if bound._signature.results:
            setattr(self.definition.body[-1], LAST, True)

    def places(self, rewrite: Rewrite) -> list[ast.AST]:
        """The nodes that `rewrite` makes a fault of."""
        nodes = (node for statement in self.definition.body for node in ast.walk(statement))
        return [node for node in nodes if rewrite(node) is not None]

    def faulty(self, node: ast.AST, rewrite: Rewrite) -> BoundFunction[Any]:
        """The function with a fault at `node`, bound to the same subsystem."""
        tree: Any = _replaced(self.tree, node, rewrite)
        flags = self.body.__code__.co_flags & __future__.annotations.compiler_flag
        names = dict(self.body.__globals__)
        file = self.body.__code__.co_filename
        exec(compile(tree, file, "exec", flags, dont_inherit=True), names)
        function: Function[Any] = vars(names["Holder"])[self.bound._function.name]
        return BoundFunction(function, self.bound._owner)


def _replaced(tree: ast.AST, node: ast.AST, rewrite: Rewrite) -> ast.AST:
    """A copy of `tree` in which what `rewrite` makes stands in place of `node`."""
    copies: dict[int, Any] = {}
    copy = deepcopy(tree, copies)
    target = copies[id(node)]

    class Replacer(ast.NodeTransformer):
        def visit(self, seen: ast.AST) -> ast.AST:
            if seen is not target:
                return self.generic_visit(seen)
            made = rewrite(seen)
            assert made is not None
            return ast.copy_location(made, seen)

    return ast.fix_missing_locations(Replacer().visit(copy))
