"""Jumps on conditions."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from pykasm.errors import ConditionMistake
from pykasm.isa.code import Label, Line
from pykasm.lang.bitfields import BitComparison
from pykasm.lang.builder import current, emit, join
from pykasm.lang.byteorder import as_compared
from pykasm.lang.comparisons import BitTest, Comparison
from pykasm.lang.composed import compared_bits
from pykasm.lang.condition import (
    Both,
    Computed,
    Condition,
    Deferred,
    Either,
    Flag,
    Negation,
    condition,
    tests_flags,
)
from pykasm.lang.constants import encodable
from pykasm.lang.numbers import Bool
from pykasm.lang.operands import RegisterOperand

UNSIGNED = {"<": "b", "<=": "be", ">": "a", ">=": "ae", "==": "e", "!=": "ne"}
SIGNED = {"<": "l", "<=": "le", ">": "g", ">=": "ge", "==": "e", "!=": "ne"}
OPPOSITE = {"<": ">=", "<=": ">", ">": "<=", ">=": "<", "==": "!=", "!=": "=="}

Test: TypeAlias = Condition | Bool | Callable[[], object]
"""A condition, a truth, or a function that makes one each time that code looks at it, such as one
with a call."""

LEAVE_FLAGS = ("mov", "lea", "push", "pop", "xchg", "not", "bswap", "nop", "j", "cmov", "set")
"""Beginnings of the mnemonics of instructions that change no flag which conditions look at."""


def jump_if(test: object, target: Label, when: bool) -> None:
    """Emit code that goes to `target` if `test` is `when`, else goes on."""
    _jump(condition(test), target, when)


def _jump(test: Condition, target: Label, when: bool) -> None:
    match test:
        case Comparison():
            _compare(test, target, when)
        case BitTest():
            operand, number = as_compared(test, test.mask)
            with encodable(operand, number) as mask:
                emit("test", operand, mask)
            _note(test)
            emit("jne" if when else "je", target)
        case BitComparison():
            with compared_bits(test):
                _note(test)
                emit("j" + UNSIGNED[test.operator if when else OPPOSITE[test.operator]], target)
        case Flag():
            _check_setter(test)
            emit(test.when_set if when else test.when_clear, target)
        case Negation():
            _jump(test.inner, target, not when)
        case Computed():
            _check_fresh(test)
            _jump(test.inner, target, when)
        case Deferred():
            _jump(condition(test.make()), target, when)
        case Both():
            _short_circuit(test, target, when, decided_by=False)
        case Either():
            _short_circuit(test, target, when, decided_by=True)


def _check_fresh(test: Computed) -> None:
    """Raise a mistake if code since then has changed what `test` depends on."""
    harmless = ("j",) if tests_flags(test) else ("j", "cmp", "test")
    for item in current("a condition").items[test.at :]:
        if isinstance(item, Line) and not item.statement.mnemonic.startswith(harmless):
            raise ConditionMistake(
                f"the condition that `{test.name}` computes does not hold any more",
                expected="nothing between its code and the jump that looks at it",
                got=f"`{item.statement.mnemonic}` in between",
                fix=f"`lambda: {test.name}(…)` emits its code where it is looked at",
            )


def _note(test: Condition) -> None:
    """Note that the last instruction sets flags for `test` alone."""
    builder = current("a condition")
    builder.compared = builder.items[-1], test


def _check_setter(flag: Flag) -> None:
    """Raise a mistake if the `flag` that the author names is what another condition has left."""
    builder = current("a condition")
    line, test = builder.compared or (None, None)
    for item in reversed(builder.items):
        if item is line:
            raise ConditionMistake(
                f"`{flag!r}` is what `{test!r}` has left",
                expected=f"an instruction of yours that sets {flag!r}, and no condition behind it",
                got=f"`{test!r}`, which code looks at in between",
                fix=f"look at {flag!r} first",
            )
        if isinstance(item, Line) and not _leaves_flags(item.statement.mnemonic):
            return


def _leaves_flags(mnemonic: str) -> bool:
    """Whether control goes on behind an instruction, with the flags from before it."""
    return mnemonic.startswith(LEAVE_FLAGS) and mnemonic != "jmp"


def _compare(test: Comparison, target: Label, when: bool) -> None:
    if _is_zero_test(test):
        emit("test", test.left, test.left)
    else:
        left, number = as_compared(test, test.right)
        with encodable(left, number) as right:
            emit("cmp", left, right)
    _note(test)
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
