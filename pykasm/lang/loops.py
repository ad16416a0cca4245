"""Loops: `while_`, `loop`, `for_`, and leaving them."""

from __future__ import annotations

from typing import Any

from pykasm.errors import FlowMistake, OperandFormMistake, ValueRangeMistake, report
from pykasm.isa.code import Label
from pykasm.lang.builder import CodeBuilder, current, emit, join, place
from pykasm.lang.comparisons import below
from pykasm.lang.condition import condition
from pykasm.lang.jumps import Test, jump_if
from pykasm.lang.numbers import numbers_of
from pykasm.lang.operands import MemoryOperand, RegisterOperand
from pykasm.lang.word import Word


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
        made = condition(test)  # first: a word without a condition is no word
        super().__init__("while_")
        self.test = made

    def begin(self) -> None:
        jump_if(self.test, self.done, when=False)
        super().begin()

    def repeat(self) -> None:
        jump_if(self.test, self.top, when=True)


class _DoWhile(Loop):
    """The test stands at the end of each round alone."""

    def __init__(self, test: Test) -> None:
        made = condition(test)
        super().__init__("do_while")
        self.test = made

    def repeat(self) -> None:
        jump_if(self.test, self.top, when=True)


def _check_counter(counter: object) -> None:
    if not isinstance(counter, RegisterOperand | MemoryOperand):
        raise OperandFormMistake(
            "`for_` counts in a register or in memory",
            expected="`for_(keep(U32), 0, count)`",
            got=repr(counter),
        )


class _Down(_While):
    """A counter from below `stop` down to `start`."""

    def __init__(self, counter: Any, start: object, stop: object) -> None:
        _check_counter(counter)
        super().__init__(counter > start)
        self.name = "for_"
        self.counter, self.stop = counter, stop

    def begin(self) -> None:
        emit("mov", self.counter, self.stop)
        super().begin()
        emit("dec", self.counter)

    def __enter__(self) -> Any:
        super().__enter__()
        return self.counter


class _For(_While):
    """A counter from `start` up to, not including, `stop`."""

    def __init__(self, counter: Any, start: object, stop: object, step: int) -> None:
        _check_counter(counter)
        if step < 1:
            raise ValueRangeMistake(
                "`for_` counts up",
                expected="a step of 1 or more",
                got=str(step),
                fix="`down=True` counts from the end to the start, by 1",
            )
        if int(step) not in numbers_of(counter._kind):
            raise ValueRangeMistake(
                f"a step of {step} does not fit the counter",
                expected=f"at most {numbers_of(counter._kind)[-1]}",
                got=f"{step} for a {counter._kind!r}",
            )
        super().__init__(below(counter, stop))
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


def do_while(test: Test) -> Loop:
    """Run the block once, and again as long as the condition holds at its end."""
    return _DoWhile(test)


def loop() -> Loop:
    """Run the block for ever; `break_if`, `break_`, `ret` and `tail` leave it."""
    return Loop("loop")


def for_(counter: object, start: object, stop: object, step: int = 1, down: bool = False) -> Loop:
    """Run the block with `counter` from `start` up to, not including, `stop`.

    With `down` it goes through the same numbers from the last to the first. The block gets the
    counter: `with for_(keep(U32), 0, count) as i:`.
    """
    if not down:
        return _For(counter, start, stop, step)
    if step != 1:
        raise ValueRangeMistake(
            "`for_` counts down by 1",
            expected="`down=True` without a step",
            got=f"a step of {step}",
        )
    return _Down(counter, start, stop)


def _left(word: str, around: object) -> Loop:
    """The loop that `word` leaves: the innermost, or the one `around` that the author names."""
    builder = current(word)
    loops: list[Loop] = builder.loops
    if loops and around is None:
        _check_helper(word, loops[-1], builder)
        return loops[-1]
    for one in loops:
        if one is around:
            return one
    raise FlowMistake(
        f"`{word}` outside of {'that' if loops else 'a'} loop",
        expected="a `while_`, `do_while`, `loop` or `for_` around it",
        got="one that ended, or has not begun" if isinstance(around, Loop) else "no loop",
        fix="" if around is None else "`rows = for_(…)`, `with rows as i:`, then `break_(rows)`",
    )


def _check_helper(word: str, around: Loop, builder: CodeBuilder) -> None:
    """Report a helper that leaves a loop of the code into which it is written."""
    helper = builder.helper()
    if helper is None or helper is around.code:
        return
    name = helper.co_name
    report(
        FlowMistake(
            f"`{word}` in `{name}` is for a loop of `{builder.name}`, into which it is written",
            expected=f"a loop in `{name}` around it",
            got=f"the helper `{name}`, whose code comes where it is called",
            fix=f"`@inline` above `{name}` says that it is a part of the code that calls it",
        )
    )


def break_if(test: Test, around: Loop | None = None) -> None:
    """Leave the innermost loop, or the loop `around`, if the condition holds."""
    jump_if(test, _left("break_if", around).done, when=True)


def break_(around: Loop | None = None) -> None:
    """Leave the innermost loop, or the loop `around`."""
    emit("jmp", _left("break_", around).done)


def continue_if(test: Test, around: Loop | None = None) -> None:
    """Begin the next round of the innermost loop, or of `around`, if the condition holds."""
    jump_if(test, _left("continue_if", around).again, when=True)


def continue_(around: Loop | None = None) -> None:
    """Begin the next round of the innermost loop, or of `around`."""
    emit("jmp", _left("continue_", around).again)
