"""Faults in the source of a function: the tree of its body is changed and it is written again."""

from __future__ import annotations
import __future__

import ast
import inspect
from collections.abc import Callable, Container
from copy import deepcopy
from functools import cached_property
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


FREES = frozenset({"free", "free_page", "destroy", "unmap_device", "discard"})
"""Functions of the kernel's that take something over and free it."""


def _is_call_of(node: ast.AST, names: Container[str]) -> bool:
    """Whether `node` is a statement that calls a function of a subsystem by one of these names."""
    is_call = isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)
    called = node.value.func if is_call else None  # type: ignore[attr-defined]
    return isinstance(called, ast.Attribute) and called.attr in names


def _frees_own(node: ast.AST) -> bool:
    """Whether `node` is a statement that frees what a name stands for: not what a field owns."""
    if not _is_call_of(node, FREES):
        return False
    arguments: list[ast.expr] = node.value.args  # type: ignore[attr-defined]
    return any(isinstance(one, ast.Name) and one.id.islower() for one in arguments)


@rewrites("free dropped", "E080")
def _free_dropped(node: ast.AST) -> ast.AST | None:
    return ast.Pass() if _frees_own(node) else None


@rewrites("freed twice", "E081")
def _freed_twice(node: ast.AST) -> ast.AST | None:
    if not _frees_own(node):
        return None
    assert isinstance(node, ast.Expr)
    return ast.If(ast.Constant(True), [node, deepcopy(node)], [])


@rewrites("free on failure dropped", "E080")
def _errdefer_dropped(node: ast.AST) -> ast.AST | None:
    """`errdefer(self.….free, …)` is not there."""
    if not isinstance(node, ast.Expr) or _called(node.value) != "errdefer":
        return None
    assert isinstance(node.value, ast.Call)
    freeing = node.value.args[0]
    return ast.Pass() if isinstance(freeing, ast.Attribute) and freeing.attr in FREES else None


@rewrites("error dropped", "E082")
def _error_dropped(node: ast.AST) -> ast.AST | None:
    """`try_(…)` as a statement becomes `ignore(…)`."""
    if not isinstance(node, ast.Expr) or _called(node.value) != "try_":
        return None
    assert isinstance(node.value, ast.Call)
    return ast.Expr(ast.Call(ast.Name("ignore", ast.Load()), node.value.args[:1], []))


@rewrites("test for null dropped", "E083")
def _null_test_dropped(node: ast.AST) -> ast.AST | None:
    """`try_(…)`, where it passes a pointer on, becomes what is in it."""
    if not isinstance(node, ast.Call) or _called(node) not in ("keep", "scratch", "cast"):
        return None
    inner = node.args[0]
    if not isinstance(inner, ast.Call) or _called(inner) != "try_" or len(inner.args) > 1:
        return None
    found = inner.args[0]
    is_page = isinstance(found, ast.Call) and "allocate" in ast.unparse(found.func)
    return None if is_page else ast.Call(node.func, [found, *node.args[1:]], [])


@rewrites("sleeping lock not released", "E050")
def _sleeping_lock_kept(node: ast.AST) -> ast.AST | None:
    """`self.….unlock…(address_of(…))` is not there."""
    if not _is_call_of(node, ("unlock", "unlock_read", "unlock_write")):
        return None
    assert isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)  # noqa: PT018
    return ast.Pass() if _called(node.value.args[0]) == "address_of" else None


@rewrites("kind of number mistaken", "E07x")
def _kind_mistaken(node: ast.AST) -> ast.AST | None:
    """`PhysicalAddress` for `UserAddress`, and the other way round."""
    others = {"PhysicalAddress": "UserAddress", "UserAddress": "PhysicalAddress"}
    other = others.get(node.id) if isinstance(node, ast.Name) else None
    return ast.Name(other, ast.Load()) if other else None


@rewrites("errno without its sign")
def _errno_positive(node: ast.AST) -> ast.AST | None:
    """`-Errno.X` becomes `Errno.X`."""
    is_negated = isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub)
    what = node.operand if is_negated else None  # type: ignore[attr-defined]
    is_errno = isinstance(what, ast.Attribute) and isinstance(what.value, ast.Name)
    return what if is_errno and what.value.id == "Errno" else None  # type: ignore[union-attr]


_OFF_BY_ONE: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
}


@rewrites("bound off by one")
def _bound_moved(node: ast.AST) -> ast.AST | None:
    """`<` becomes `<=`, and so on. Only where an array's length is known can a rule tell."""
    if not isinstance(node, ast.Compare) or type(node.ops[0]) not in _OFF_BY_ONE:
        return None
    other = _OFF_BY_ONE[type(node.ops[0])]()
    return ast.Compare(node.left, [other], node.comparators)


@rewrites("loop one too far")
def _loop_too_far(node: ast.AST) -> ast.AST | None:
    """`for_(…, 0, N)` goes up to N."""
    if _called(node) != "for_":
        return None
    assert isinstance(node, ast.Call)
    *others, end = node.args
    if not isinstance(end, ast.Constant | ast.Name) or (
        isinstance(end, ast.Name) and not end.id.isupper()
    ):
        return None
    return ast.Call(node.func, [*others, ast.BinOp(end, ast.Add(), ast.Constant(1))], [])


@rewrites("bound check dropped")
def _check_dropped(node: ast.AST) -> ast.AST | None:
    """`fail_if(a > b, …)` is not there."""
    if not isinstance(node, ast.Expr) or _called(node.value) != "fail_if":
        return None
    assert isinstance(node.value, ast.Call)
    test = node.value.args[0]
    is_bound = isinstance(test, ast.Compare) and type(test.ops[0]) in _OFF_BY_ONE
    return ast.Pass() if is_bound else None


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
        return [node for node in self._nodes if rewrite(node) is not None]

    @cached_property
    def _nodes(self) -> list[ast.AST]:
        return [node for statement in self.definition.body for node in ast.walk(statement)]

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
