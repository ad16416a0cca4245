"""Jumps on conditions."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias, TypeGuard

from pykasm.isa.code import Label
from pykasm.lang.builder import emit, join
from pykasm.lang.conditions import (
    BitTest,
    Both,
    Comparison,
    Condition,
    Either,
    Flag,
    Negation,
    condition,
)
from pykasm.lang.constants import encodable
from pykasm.lang.numbers import Bool
from pykasm.lang.operand import Operand
from pykasm.lang.operands import RegisterOperand

UNSIGNED = {"<": "b", "<=": "be", ">": "a", ">=": "ae", "==": "e", "!=": "ne"}
SIGNED = {"<": "l", "<=": "le", ">": "g", ">=": "ge", "==": "e", "!=": "ne"}
OPPOSITE = {"<": ">=", "<=": ">", ">": "<=", ">=": "<", "==": "!=", "!=": "=="}

Test: TypeAlias = Condition | Bool | Callable[[], object]
"""A condition, a truth, or a function that makes one each time that code looks at it, such as one
with a call."""


def checked(test: Test) -> Test:
    """`test`, or the mistake of it being none."""
    return test if _is_deferred(test) else condition(test)


def jump_if(test: object, target: Label, when: bool) -> None:
    """Emit code that goes to `target` if `test` is `when`, else goes on."""
    made = test() if _is_deferred(test) else test
    _jump(condition(made), target, when)


def _is_deferred(test: object) -> TypeGuard[Callable[[], object]]:
    """Whether the condition is given as a function that makes it."""
    return callable(test) and not isinstance(test, Operand)


def _jump(test: Condition, target: Label, when: bool) -> None:
    match test:
        case Comparison():
            _compare(test, target, when)
        case BitTest():
            with encodable(test.operand, test.mask) as mask:
                emit("test", test.operand, mask)
            emit("jne" if when else "je", target)
        case Flag():
            emit(test.when_set if when else test.when_clear, target)
        case Negation():
            _jump(test.inner, target, not when)
        case Both():
            _short_circuit(test, target, when, decided_by=False)
        case Either():
            _short_circuit(test, target, when, decided_by=True)


def _compare(test: Comparison, target: Label, when: bool) -> None:
    if _is_zero_test(test):
        emit("test", test.left, test.left)
    else:
        with encodable(test.left, test.right) as right:
            emit("cmp", test.left, right)
    operator = test.operator if when else OPPOSITE[test.operator]
    codes = SIGNED if test.signed else UNSIGNED
    emit("j" + codes[operator], target)


def _is_zero_test(test: Comparison) -> bool:
    """Whether a register is compared with 0, which `test` does in fewer bytes than `cmp`."""
    register = isinstance(test.left, RegisterOperand)
    zero = isinstance(test.right, int) and test.right == 0
    return register and zero and test.operator in ("==", "!=")


def _short_circuit(test: Both | Either, target: Label, when: bool, decided_by: bool) -> None:
    """Jump by the left side alone where that is `decided_by`, else by the right one."""
    if when is decided_by:
        _jump(test.left, target, when)
        _jump(test.right, target, when)
        return
    skip = Label("skip")
    _jump(test.left, skip, decided_by)
    _jump(test.right, target, when)
    join(skip)
