"""Random structured programs: as code of the language, and as Python that does the same.

Each node has `emit(code)`, which writes it, and `run(state)`, which is the model. Both keep a log
of the marks that control came past.
"""

from __future__ import annotations

import operator
from dataclasses import dataclass
from functools import cache
from typing import Any

from hypothesis import strategies as st

from pykasm import *
from pykasm.lang.condition import Condition
from pykasm.lang.views import view
from tests.unit.moves_support import INTEGERS, numbers_in, truncated

VARIABLES = [kind for kind in INTEGERS for _ in range(2)]
"""Types of the variables: two of each, so that they can be compared."""

LOG_SIZE = 1 << 14
LOADED = [rcx, rdx, rsi, rdi, r8, r9, r10, r11, rbx, r12, r13, r14, r15]
MOST_LEAVES = 8
"""Comparisons in one condition; each needs a register."""

OPERATORS = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}


class Break(Exception):
    """The model leaves a loop."""


class Continue(Exception):
    """The model begins the next round."""


class Return(Exception):
    """The model leaves the program."""


class State:
    """Values of the variables, and the log."""

    def __init__(self, values: list[int]) -> None:
        self.values = list(values)
        self.log: list[int] = []


class Code:
    """What emitting needs: where the variables and the log are, and which registers are free."""

    def __init__(self, owner: Any) -> None:
        self.owner = owner
        self.free: list[Any] = []

    def variable(self, number: int) -> Any:
        """The memory of a variable."""
        return self.owner.variables[number]

    def loaded(self, number: int) -> Any:
        """The variable in a register of its own."""
        register = view(self.free.pop(), VARIABLES[number])
        mov(register, self.variable(number))
        return register

    def operand(self, number: int, in_register: bool) -> Any:
        """The variable in memory, or in a register if enough are left for other conditions."""
        enough = len(self.free) > MOST_LEAVES
        return self.loaded(number) if in_register and enough else self.variable(number)

    def test(self, node: Any) -> Any:
        """The condition `node` as a function that loads what it needs."""

        def build() -> Any:
            self.free = list(LOADED)
            return node.condition(self)

        return build

    def log(self, value: Any) -> None:
        """Emit code that appends `value`, a number or a 64-bit register, to the log."""
        mov(rax, self.owner.length)
        mov(self.owner.log[rax], value)
        inc(self.owner.length)


# Conditions


@dataclass(frozen=True)
class Compare:
    """A variable, in memory or in a register, against a number or another variable."""

    left: int
    sign: str
    number: int
    right: int | None
    in_register: bool

    def condition(self, code: Code) -> Condition:
        first = code.operand(self.left, self.in_register)
        second = self.number if self.right is None else code.loaded(self.right)
        made: Condition = OPERATORS[self.sign](first, second)
        return made

    def holds(self, state: State) -> bool:
        second = self.number if self.right is None else state.values[self.right]
        return bool(OPERATORS[self.sign](state.values[self.left], second))


@dataclass(frozen=True)
class Masked:
    """Some bit of a mask is set; compared with zero, or not."""

    left: int
    mask: int
    sign: str
    in_register: bool

    def condition(self, code: Code) -> Condition:
        first = code.operand(self.left, self.in_register)
        made: Any = first & self.mask
        if self.sign:
            made = OPERATORS[self.sign](made, 0)
        return made  # type: ignore[no-any-return]

    def holds(self, state: State) -> bool:
        return OPERATORS[self.sign or "!="](state.values[self.left] & self.mask, 0) is True


@dataclass(frozen=True)
class Joined:
    """Two conditions joined by `&` or `|`."""

    left: Any
    both: bool
    right: Any

    def condition(self, code: Code) -> Condition:
        left, right = self.left.condition(code), self.right.condition(code)
        made: Condition = left & right if self.both else left | right
        return made

    def holds(self, state: State) -> bool:
        parts = [self.left.holds(state), self.right.holds(state)]
        return all(parts) if self.both else any(parts)


@dataclass(frozen=True)
class Not:
    """The opposite."""

    inner: Any

    def condition(self, code: Code) -> Condition:
        made: Condition = ~self.inner.condition(code)
        return made

    def holds(self, state: State) -> bool:
        return not self.inner.holds(state)


# Statements


@dataclass(frozen=True)
class Mark:
    """Leaves a number in the log."""

    number: int

    def emit(self, code: Code) -> None:
        code.log(self.number)

    def run(self, state: State) -> None:
        state.log.append(self.number)


@dataclass(frozen=True)
class Change:
    """Adds to a variable, and wraps around."""

    variable: int
    distance: int

    def emit(self, code: Code) -> None:
        add(code.variable(self.variable), self.distance)

    def run(self, state: State) -> None:
        kind = VARIABLES[self.variable]
        state.values[self.variable] = truncated(state.values[self.variable] + self.distance, kind)


@dataclass(frozen=True)
class Chain:
    """if_, elif_ …, else_."""

    branches: tuple[tuple[Any, Any], ...]
    otherwise: Any

    def emit(self, code: Code) -> None:
        for number, (test, block) in enumerate(self.branches):
            with (elif_ if number else if_)(code.test(test)):
                block.emit(code)
        if self.otherwise is not None:
            with else_():
                self.otherwise.emit(code)

    def run(self, state: State) -> None:
        for test, block in self.branches:
            if test.holds(state):
                block.run(state)
                return
        if self.otherwise is not None:
            self.otherwise.run(state)


@dataclass(frozen=True)
class Leave:
    """break_ or continue_, or break_if or continue_if."""

    leaves: bool
    test: Any

    def emit(self, code: Code) -> None:
        if self.test is None:
            (break_ if self.leaves else continue_)()
        else:
            (break_if if self.leaves else continue_if)(code.test(self.test))

    def run(self, state: State) -> None:
        if self.test is None or self.test.holds(state):
            raise Break if self.leaves else Continue


@dataclass(frozen=True)
class Finish:
    """ret: nothing more runs."""

    def emit(self, code: Code) -> None:
        ret()

    def run(self, state: State) -> None:
        raise Return


@dataclass(frozen=True)
class Repeat:
    """while_ or loop, so many rounds at most; as long as a condition holds too, if there is one."""

    endless: bool
    rounds: int
    test: Any
    block: Any

    def emit(self, code: Code) -> None:
        left = local(U32)
        mov(left, self.rounds)
        if self.endless:
            with loop():
                break_if(left == 0)
                dec(left)
                if self.test is not None:
                    break_if(code.test(Not(self.test)))
                self.block.emit(code)
            return
        with while_(lambda: self._continues(code, left)):
            dec(left)
            self.block.emit(code)

    def _continues(self, code: Code, left: Any) -> Condition:
        if self.test is None:
            return left != 0
        made: Condition = (left != 0) & code.test(self.test)
        return made

    def run(self, state: State) -> None:
        for _ in range(self.rounds):
            if self.test is not None and not self.test.holds(state):
                return
            try:
                self.block.run(state)
            except Break:
                return
            except Continue:
                continue


@dataclass(frozen=True)
class Count:
    """for_; the counter goes into the log."""

    kind: Any
    start: int
    stop: int
    step: int
    block: Any

    def emit(self, code: Code) -> None:
        with for_(local(self.kind), self.start, self.stop, self.step) as counter:
            (movsx if self.kind._signed else movzx)(ebx, counter)
            code.log(rbx)
            self.block.emit(code)

    def run(self, state: State) -> None:
        for counter in range(self.start, self.stop, self.step):
            state.log.append(counter % (1 << 32))
            try:
                self.block.run(state)
            except Break:
                return
            except Continue:
                continue


@dataclass(frozen=True)
class Choose:
    """switch over a variable."""

    variable: int
    cases: tuple[tuple[tuple[int, ...], Any], ...]
    otherwise: Any

    def emit(self, code: Code) -> None:
        value = scratch(VARIABLES[self.variable])
        mov(value, code.variable(self.variable))
        release(value)
        with switch(value):
            for numbers, block in self.cases:
                with case(*numbers):
                    block.emit(code)
            if self.otherwise is not None:
                with default():
                    self.otherwise.emit(code)

    def run(self, state: State) -> None:
        value = state.values[self.variable]
        for numbers, block in self.cases:
            if value in numbers:
                block.run(state)
                return
        if self.otherwise is not None:
            self.otherwise.run(state)


@dataclass(frozen=True)
class Block:
    """Statements one after the other."""

    statements: tuple[Any, ...]

    def emit(self, code: Code) -> None:
        for one in self.statements:
            one.emit(code)

    def run(self, state: State) -> None:
        for one in self.statements:
            one.run(state)


# Random ones

NARROW = [U8, U16, I8, I16]
VARIABLE = st.integers(0, len(VARIABLES) - 1)
BOOLEAN = st.booleans()
SIGN = st.sampled_from(list(OPERATORS))
LEAVES = ["compare", "compare", "number", "number", "masked"]
TESTS = {0: st.sampled_from(LEAVES), 1: st.sampled_from([*LEAVES, "joined", "joined", "not"])}
COMPOUNDS = ["chain", "chain", "repeat", "count", "choose"]
STATEMENTS = st.sampled_from(["mark", "change", *COMPOUNDS])
SIMPLE = st.sampled_from(["mark", "mark", "change", "change", "change", "finish"])
LEAVING = st.sampled_from(["mark", "leave", "leave", *COMPOUNDS])
BYTE = st.integers(0, 127)
FEW = st.integers(0, 3)


@cache
def comparable(kind: Any) -> st.SearchStrategy[int]:
    """Numbers that an instruction compares a `kind` with."""
    if kind._size < 8:
        return numbers_in(kind)
    least = -(1 << 31) if kind._signed else 0
    return st.integers(least, (1 << 31) - 1) | st.sampled_from([least, 0, 1])


def condition_of(draw: Any, depth: int = 3) -> Any:
    """A random condition."""
    way = draw(TESTS[min(depth, 1)])
    if way == "joined":
        return Joined(condition_of(draw, depth - 1), draw(BOOLEAN), condition_of(draw, depth - 1))
    if way == "not":
        return Not(condition_of(draw, depth - 1))
    left = draw(VARIABLE)
    if way == "masked":
        mask = draw(comparable(VARIABLES[left])) or 1
        return Masked(left, mask, draw(st.sampled_from(["", "==", "!="])), draw(BOOLEAN))
    if way == "number":
        sign, number = draw(SIGN), draw(comparable(VARIABLES[left]))
        return Compare(left, undecided(sign, number, VARIABLES[left]), number, None, draw(BOOLEAN))
    return Compare(left, draw(SIGN), 0, left ^ 1, draw(BOOLEAN))


def undecided(sign: str, number: int, kind: Any) -> str:
    """`sign`, or another one where all numbers of a `kind` would be on one side of `number`."""
    least = numbers_limit(kind)
    most = least + (1 << kind._size * 8) - 1
    decided = {least: ("<", ">="), most: (">", "<=")}
    return "==" if sign in decided.get(number, ()) else sign


def block_of(draw: Any, depth: int, in_loop: bool) -> Block:
    """A mark and random statements, nested `depth` deep at most."""
    rest = [statement_of(draw, depth, in_loop) for _ in range(draw(FEW))]
    return Block((Mark(draw(BYTE)), *rest))


def statement_of(draw: Any, depth: int, in_loop: bool) -> Any:
    """A random statement."""
    way = draw(SIMPLE if not depth else LEAVING if in_loop else STATEMENTS)
    if way == "mark":
        return Mark(draw(BYTE))
    if way == "change":
        return Change(draw(VARIABLE), draw(BYTE))
    if way == "finish":
        return Finish()
    if way == "leave":
        return Leave(draw(BOOLEAN), condition_of(draw) if draw(BOOLEAN) else None)
    return COMPOUND[way](draw, depth - 1, in_loop)


def chain_of(draw: Any, depth: int, in_loop: bool) -> Chain:
    """A random if-chain."""
    count = 1 + draw(FEW)
    branches = tuple((condition_of(draw), block_of(draw, depth, in_loop)) for _ in range(count))
    return Chain(branches, block_of(draw, depth, in_loop) if draw(BOOLEAN) else None)


def repeat_of(draw: Any, depth: int, in_loop: bool) -> Repeat:
    """A random loop."""
    test = condition_of(draw) if draw(BOOLEAN) else None
    return Repeat(draw(BOOLEAN), draw(FEW), test, block_of(draw, depth, True))


def count_of(draw: Any, depth: int, in_loop: bool) -> Count:
    """A random counting loop of few rounds, also up to the largest number of its type."""
    kind = draw(st.sampled_from(NARROW))
    step = 1 + draw(FEW)
    stop = draw(numbers_in(kind))
    least = min(numbers_limit(kind), stop)
    start = max(stop - draw(st.integers(0, 12)), least)
    return Count(kind, start, stop, step, block_of(draw, depth, True))


def numbers_limit(kind: Any) -> int:
    """The least number of a `kind`."""
    return -(1 << (kind._size * 8 - 1)) if kind._signed else 0


def choose_of(draw: Any, depth: int, in_loop: bool) -> Choose:
    """A random switch, its numbers close together or far apart, some of them the value's own."""
    variable = draw(VARIABLE)
    near = st.integers(0, 12)
    far = comparable(VARIABLES[variable])
    numbers = draw(st.lists(draw(st.sampled_from([near, far])), unique=True, max_size=10))
    cases = []
    while numbers:
        taken = 1 + draw(FEW)
        cases.append((tuple(numbers[:taken]), block_of(draw, depth, in_loop)))
        numbers = numbers[taken:]
    otherwise = block_of(draw, depth, in_loop) if draw(BOOLEAN) else None
    return Choose(variable, tuple(cases), otherwise)


COMPOUND = {"chain": chain_of, "repeat": repeat_of, "count": count_of, "choose": choose_of}


@st.composite
def programs(draw: Any) -> tuple[Block, list[int]]:
    """A program and the first values of its variables, many of them small."""
    values = [draw(st.integers(0, 12) if draw(BOOLEAN) else numbers_in(k)) for k in VARIABLES]
    return Block(tuple(statement_of(draw, 3, False) for _ in range(3))), values


@st.composite
def conditions(draw: Any) -> tuple[Any, list[int]]:
    """A condition and values of the variables."""
    values = [draw(numbers_in(kind)) for kind in VARIABLES]
    return condition_of(draw, 3), values
