"""Structured flow: `if_`, `elif_`, `else_`, `while_`, `loop`, `for_`, `switch`, and leaving loops.

Each word is used with `with`; it emits its jumps when the block begins and ends. A condition that
needs code of its own (a call) each time it is looked at is given as a function: `while_(lambda:
self.ready() != 0)`.
"""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Any, NoReturn, TypeAlias, TypeGuard

from pykasm.errors import FlowMistake, Mistake, OperandFormMistake, ValueRangeMistake, report
from pykasm.isa.code import Item, Label, Line
from pykasm.isa.registers import WORD
from pykasm.lang.builder import CodeBuilder, current, emit, join, place
from pykasm.lang.conditions import Condition, condition
from pykasm.lang.data import jump_table
from pykasm.lang.operands import MemoryOperand, Operand, RegisterOperand, SymbolReference, u32
from pykasm.lang.types import U64, numbers_of
from pykasm.source import Moment, author_moment

Test: TypeAlias = Condition | Callable[[], object]

DENSE_TABLE = 4
"""A jump table may have this many slots for each case before comparisons are the better way."""

FEWEST_TABLE_CASES = 4
"""Below this many cases comparisons are as fast as a table."""


def _jump(test: object, target: Label, when: bool) -> None:
    made = test() if _is_deferred(test) else test
    condition(made).jump(target, when)


def forgotten_with(name: str, moment: Moment | None) -> FlowMistake:
    """The mistake of the word `name`, used at `moment` without `with`."""
    return FlowMistake(
        f"`{name}` without `with`",
        expected=f"`with {name}(…):` and an indented block",
        got="a call whose value is dropped",
        span=moment.span if moment else None,
    )


class Word:
    """A word that must stand after `with`."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.builder: CodeBuilder = current(name)
        self.moment = author_moment()
        self.place = self.builder.counted or self.builder.running()
        self.builder.open_words.append(self)

    def forgotten(self) -> Mistake:
        """The mistake of never having been entered."""
        return forgotten_with(self.name, self.moment)

    def __enter__(self) -> Any:
        self.builder.open_words.remove(self)
        with self.builder.counting(*self.place):
            self.begin()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            with self.builder.counting(*self.place):
                self.end()

    def begin(self) -> None:
        """Emit what comes before the block."""

    def end(self) -> None:
        """Emit what comes after the block."""


def report_forgotten(builder: CodeBuilder) -> None:
    """Report the words of `builder` that nobody entered."""
    for word in builder.open_words:
        report(word.forgotten())


class _Branch(Word):
    """One block of an if-chain; `finish` is where the whole chain ends."""

    def __init__(self, name: str, test: Test | None, before: _Branch | None) -> None:
        super().__init__(name)
        self.test = test
        self.before = before
        self.otherwise = Label("else")
        self.finish: Label = before.finish if before else Label("end")
        self.joined = before is not None

    def begin(self) -> None:
        if self.before is not None:
            self._reopen(self.before)
        if self.test is not None:
            _jump(self.test, self.otherwise, when=False)

    def _reopen(self, before: _Branch) -> None:
        """Let the block before jump over this one; its own end comes here."""
        items = self.builder.items
        while items and isinstance(items[-1], Label) and items[-1] in before._endings:
            self.builder.placed.discard(items.pop())
        if self.builder.falls_through:
            emit("jmp", self.finish)
        join(before.otherwise)

    @property
    def _endings(self) -> tuple[Label, Label]:
        return self.otherwise, self.finish

    def end(self) -> None:
        join(self.otherwise)
        if self.joined:
            join(self.finish)
        self.builder.last_branch = (self, len(self.builder.items))


def if_(test: Test) -> Word:
    """Run the block if the condition holds."""
    return _Branch("if_", _checked(test), None)


def elif_(test: Test) -> Word:
    """Run the block if no block of the chain before ran and the condition holds."""
    return _Branch("elif_", _checked(test), _chain("elif_"))


def else_() -> Word:
    """Run the block if no block of the chain before ran."""
    return _Branch("else_", None, _chain("else_"))


def _checked(test: Test) -> Test:
    return test if _is_deferred(test) else condition(test)


def _is_deferred(test: object) -> TypeGuard[Callable[[], object]]:
    """Whether the condition is given as a function that makes it."""
    return callable(test) and not isinstance(test, Operand)


def _chain(name: str) -> _Branch:
    builder = current(name)
    branch, length = builder.last_branch or (None, -1)
    if not isinstance(branch, _Branch) or length != len(builder.items) or branch.test is None:
        raise FlowMistake(
            f"`{name}` without an `if_` just before it",
            expected="the block of an `if_` or `elif_` directly above",
            got="other code in between" if branch else "no `if_`",
            fix=f"a condition that calls goes into a function: `{name}(lambda: …)`"
            if name == "elif_"
            else "",
        )
    return branch


class Loop(Word):
    """A block that runs again and again; `again` and `done` are where it continues and ends."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.again = Label("continue")
        self.done = Label("done")
        self.top = Label("loop")

    def begin(self) -> None:
        """Begin the first round."""
        self.builder.loops.append(self)
        place(self.top)

    def end(self) -> None:
        """Go round again, if the block's end is ever reached."""
        join(self.again)
        if self.builder.falls_through:
            self.repeat()
        join(self.done)
        self.builder.loops.remove(self)

    def repeat(self) -> None:
        """Emit what begins the next round."""
        emit("jmp", self.top)


class _While(Loop):
    """The test stands before the first round and again at the end of each."""

    def __init__(self, test: Test) -> None:
        super().__init__("while_")
        self.test = _checked(test)

    def begin(self) -> None:
        _jump(self.test, self.done, when=False)
        super().begin()

    def repeat(self) -> None:
        _jump(self.test, self.top, when=True)


class _For(_While):
    """A counter from `start` up to, not including, `stop`."""

    def __init__(self, counter: Any, start: object, stop: object, step: int) -> None:
        if not isinstance(counter, RegisterOperand | MemoryOperand):
            raise OperandFormMistake(
                "`for_` counts in a register or in memory",
                expected="`for_(keep(U32), 0, count)`",
                got=repr(counter),
            )
        if step < 1:
            raise ValueRangeMistake(
                "`for_` counts up", expected="a step of 1 or more", got=str(step)
            )
        if int(step) not in numbers_of(counter._kind):
            raise ValueRangeMistake(
                f"a step of {step} does not fit the counter",
                expected=f"at most {numbers_of(counter._kind)[-1]}",
                got=f"{step} for a {counter._kind!r}",
            )
        super().__init__(counter < stop)
        self.name = "for_"
        self.counter, self.start, self.stop, self.step = counter, start, stop, step

    def begin(self) -> None:
        emit("mov", self.counter, self.start)
        super().begin()

    def __enter__(self) -> Any:
        super().__enter__()
        return self.counter

    def repeat(self) -> None:
        if self.step == 1:
            emit("inc", self.counter)
        else:
            emit("add", self.counter, self.step)
            if self._may_wrap:
                emit("jo" if self.counter._kind._signed else "jb", self.done)
        super().repeat()

    @property
    def _may_wrap(self) -> bool:
        """Whether a step can lead past the largest number of the counter's type."""
        most = numbers_of(self.counter._kind)[-1]
        last = self.stop - 1 if isinstance(self.stop, int) else most - 1
        return last + self.step > most


def while_(test: Test) -> Loop:
    """Run the block as long as the condition holds."""
    return _While(test)


def loop() -> Loop:
    """Run the block for ever; `break_if`, `break_`, `ret` and `tail` leave it."""
    return Loop("loop")


def for_(counter: object, start: object, stop: object, step: int = 1) -> Loop:
    """Run the block with `counter` from `start` up to, not including, `stop`.

    The block gets the counter: `with for_(keep(U32), 0, count) as i:`.
    """
    return _For(counter, start, stop, step)


def _innermost(word: str) -> Loop:
    loops = current(word).loops
    if not loops:
        raise FlowMistake(
            f"`{word}` outside of a loop",
            expected="a `while_`, `loop` or `for_` around it",
            got="no loop",
        )
    innermost: Loop = loops[-1]
    return innermost


def break_if(test: Test) -> None:
    """Leave the innermost loop if the condition holds."""
    _jump(test, _innermost("break_if").done, when=True)


def break_() -> None:
    """Leave the innermost loop."""
    emit("jmp", _innermost("break_").done)


def continue_if(test: Test) -> None:
    """Begin the innermost loop's next round if the condition holds."""
    _jump(test, _innermost("continue_if").again, when=True)


def continue_() -> None:
    """Begin the innermost loop's next round."""
    emit("jmp", _innermost("continue_").again)


def never() -> NoReturn:
    """Say that control can't get here; a mistake if it can. Ends functions that never return."""
    if current("never").falls_through:
        raise FlowMistake(
            "control can get here",
            expected="a jump, an endless loop or a call that never returns before it",
            got="code that runs on",
        )
    return None  # type: ignore[misc] # the Python function does, the code being written does not


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

    def begin(self) -> None:
        """Wait for the cases: the choice is written when all are known."""
        self.builder.switches.append(self)
        self.start = len(self.builder.items)

    def end(self) -> None:
        """Put the choice before the blocks."""
        self.builder.switches.remove(self)
        bodies: list[Item] = self.builder.items[self.start :]
        del self.builder.items[self.start :]
        if bodies and _jumps_to(bodies[-1], self.done):
            bodies.pop()  # the last block ends where the switch does
        self._dispatch(self.otherwise or self.done)
        self.builder.items += bodies
        join(self.done)

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
        return numbers[-1] - numbers[0] < DENSE_TABLE * len(numbers)

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

        A register that is named in 32 bits counts: writing it clears its upper half anyway.
        """
        size, role = self.value._register.size, self.value._role
        whole = role.register.size if role else max(size, WORD)
        return size == whole

    def _widened(self) -> RegisterOperand:
        """The value in 64 bits, of which an index needs all."""
        size = self.value._register.size
        if size > WORD or (size == WORD and self.value._role):
            return self.value
        wide: Any = u32(self.value)
        emit("mov" if size == WORD else "movzx", wide, self.value)
        return wide  # type: ignore[no-any-return]


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
        target = Label("case")
        place(target)
        if self.name == "default":
            switch.otherwise = target
        for number in self.numbers:
            _add_case(switch, number, target)
        self.switch = switch

    def end(self) -> None:
        if self.builder.falls_through:
            emit("jmp", self.switch.done)


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
    if int(number) in switch.cases:
        raise FlowMistake(
            f"the case {number!r} is there twice",
            expected="each value once",
            got=repr(number),
        )
    switch.cases[int(number)] = target


def switch(value: object) -> Switch:
    """Choose one of the `case` blocks inside by the value of a register."""
    return Switch(value)


def case(*numbers: object) -> Word:
    """The block for these values of the `switch` around it; control leaves the switch after it."""
    return _Case("case", numbers)


def default() -> Word:
    """The block for all values that no `case` names."""
    return _Case("default", ())
