"""Choices among several ways by one value: `switch`, `case`, `default`."""

from __future__ import annotations

from typing import cast as typing_cast

from pykasm.errors import FlowMistake, OperandFormMistake, report
from pykasm.isa.code import Item, Label, Line
from pykasm.isa.registers import WORD
from pykasm.lang.builder import current, emit, join, place
from pykasm.lang.comparisons import check_number
from pykasm.lang.data import jump_table
from pykasm.lang.numbers import U64
from pykasm.lang.operands import MemoryOperand, RegisterOperand
from pykasm.lang.reference import SymbolReference
from pykasm.lang.views import u32
from pykasm.lang.word import Word
from pykasm.source import line_span

DENSE_TABLE = 4
"""A jump table may have this many slots for each case before comparisons are the better way."""

FEWEST_TABLE_CASES = 4
"""Below this many cases comparisons are as fast as a table."""

FURTHEST_TABLE_CASE = 4096
"""The smallest case of a table may be this large: where its slot 0 would be, which the jump counts
from, must still lie in the last 2 GiB, as instructions hold 32 bits of an address."""


_WRITERS = frozenset(
    ["mov", "movzx", "movsx", "lea", "and", "or", "xor", "add", "sub", "inc", "dec", "neg", "not"]
)
"""Instructions that write all of their first operand, whatever it was."""


class Switch(Word):
    """Several ways by the value of a register, by jump table where the values lie close."""

    def __init__(self, value: object) -> None:
        if not isinstance(value, RegisterOperand):
            raise OperandFormMistake(
                "`switch` looks at a register",
                expected="a register",
                got=value._text() if isinstance(value, MemoryOperand) else repr(value),
                fix="load it into a register first",
            )
        super().__init__("switch")
        self.value = value
        self.cases: dict[int, Label] = {}
        self.otherwise: Label | None = None
        self.done = Label("done")
        self.start = 0
        self.case_end = 0
        """How many items there were when the last case ended."""

    def begin(self) -> None:
        """Wait for the cases: the choice is written when all are known."""
        self.builder.switches.append(self)
        self.start = self.case_end = len(self.builder.items)

    def end(self) -> None:
        """Put the choice before the blocks."""
        self.builder.switches.remove(self)
        self.report_outside()
        builder = self.builder
        if len(builder.items) > self.start and _jumps_to(builder.items[-1], self.done):
            builder.pop()  # the last block ends where the switch does
        with builder.inserting(self.start):
            self._dispatch(self.otherwise or self.done)
        join(self.done)

    def report_outside(self) -> None:
        """Report code behind the last case that is in none, as nothing leads there."""
        outside = self.builder.items[self.case_end :]
        if outside and isinstance(outside[0], Line):
            report(
                FlowMistake(
                    "this code is in a `switch`, but in no case of it",
                    expected="`with case(…):` or `with default():` around it",
                    got="code that nothing leads to",
                    fix="what all cases need stands before the `switch`",
                    span=line_span(outside[0].source),
                )
            )

    def _dispatch(self, otherwise: Label) -> None:
        if self._is_dense and self._may_widen:
            self._jump_by_table(otherwise)
            return
        for number, target in self.cases.items():
            emit("cmp", self.value, number)
            emit("je", target)
        emit("jmp", otherwise)

    @property
    def _is_dense(self) -> bool:
        numbers = sorted(self.cases)
        if len(numbers) < FEWEST_TABLE_CASES or numbers[0] < 0 or self.builder.bits != 64:
            return False
        is_near = numbers[0] <= FURTHEST_TABLE_CASE
        return is_near and numbers[-1] - numbers[0] < DENSE_TABLE * len(numbers)

    def _jump_by_table(self, otherwise: Label) -> None:
        low, high = min(self.cases), max(self.cases)
        if low <= (DENSE_TABLE - 1) * len(self.cases) - (high - low):
            low = 0  # a few more slots in place of a second comparison
        value = self._widened()
        if low:
            emit("cmp", value, low)
            emit("jb", otherwise)
        emit("cmp", value, high)
        emit("ja", otherwise)
        targets = [self.cases.get(number, otherwise) for number in range(low, high + 1)]
        self.builder.targets.update(targets)
        table = jump_table(self.builder.name, targets)
        slot = MemoryOperand(
            U64,
            index=value._seen_as(U64),
            scale=8,
            reference=SymbolReference(table._symbol_name, -8 * low),
            name=f"cases[{value._text()}]",
        )
        emit("jmp", slot)

    @property
    def _may_widen(self) -> bool:
        """Whether the value is all that its register holds, so that the rest may be cleared.

        A register that is named in 32 bits counts where the line before wrote these.
        """
        size, role = self.value._register.size, self.value._role
        if role is not None:
            return size == role.register.size
        return size > WORD or (size == WORD and self._was_written)

    @property
    def _was_written(self) -> bool:
        """Whether the instruction before the choice writes the value, and so clears what is above
        it (AMD64 APM vol. 1, 3.4.5)."""
        before = self.builder.items[-1] if self.builder.items else None
        if not isinstance(before, Line) or before.statement.mnemonic not in _WRITERS:
            return False
        return before.statement.operands[0] is self.value._register

    def _widened(self) -> RegisterOperand:
        """The value in 64 bits, of which an index needs all."""
        if self.value._register.size >= WORD:
            return self.value
        wide = typing_cast(RegisterOperand, u32(self.value))
        emit("movzx", wide, self.value)
        return wide


def _jumps_to(item: Item, label: Label) -> bool:
    return (
        isinstance(item, Line)
        and item.statement.mnemonic == "jmp"
        and any(one.target is label for one in item.references)
    )


class _Case(Word):
    """The block of one or more values, or of all others."""

    def __init__(self, name: str, numbers: tuple[object, ...]) -> None:
        super().__init__(name)
        self.numbers = numbers

    def begin(self) -> None:
        switch = _innermost_switch(self.name)
        switch.report_outside()
        target = Label("case")
        place(target)
        if self.name == "default":
            _set_default(switch, target)
        for number in self.numbers:
            _add_case(switch, number, target)
        self.switch = switch

    def end(self) -> None:
        if self.builder.falls_through:
            emit("jmp", self.switch.done)
        self.switch.case_end = len(self.builder.items)


def _innermost_switch(word: str) -> Switch:
    switches = current(word).switches
    if not switches:
        raise FlowMistake(
            f"`{word}` outside of a `switch`",
            expected="`with switch(register):` around it",
            got="no switch",
        )
    innermost: Switch = switches[-1]
    return innermost


def _add_case(switch: Switch, number: object, target: Label) -> None:
    if not isinstance(number, int):
        raise FlowMistake(
            "a case is a number known while building",
            expected="an int or an enumeration's value",
            got=repr(number),
        )
    check_number(switch.value, "==", number)
    if int(number) in switch.cases:
        raise FlowMistake(
            f"the case {number!r} is there twice",
            expected="each value once",
            got=repr(number),
        )
    switch.cases[int(number)] = target


def _set_default(switch: Switch, target: Label) -> None:
    if switch.otherwise is not None:
        raise FlowMistake("a second `default` in a `switch`", expected="one", got="two")
    switch.otherwise = target


def switch(value: object) -> Switch:
    """Choose one of the `case` blocks inside by the value of a register."""
    return Switch(value)


def case(*numbers: object) -> Word:
    """The block for these values of the `switch` around it; control leaves the switch after it."""
    return _Case("case", numbers)


def default() -> Word:
    """The block for all values that no `case` names."""
    return _Case("default", ())
