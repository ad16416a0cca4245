"""Loops: `while_`, `loop`, `for_`, and leaving them."""

from __future__ import annotations

from typing import Any

from pykasm.errors import FlowMistake, OperandFormMistake, ValueRangeMistake
from pykasm.isa.code import Label
from pykasm.lang.builder import current, emit, join, place
from pykasm.lang.jumps import Test, checked, jump_if
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
        super().__init__("while_")
        self.test = checked(test)

    def begin(self) -> None:
        jump_if(self.test, self.done, when=False)
        super().begin()

    def repeat(self) -> None:
        jump_if(self.test, self.top, when=True)


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
    jump_if(test, _innermost("break_if").done, when=True)


def break_() -> None:
    """Leave the innermost loop."""
    emit("jmp", _innermost("break_").done)


def continue_if(test: Test) -> None:
    """Begin the innermost loop's next round if the condition holds."""
    jump_if(test, _innermost("continue_if").again, when=True)


def continue_() -> None:
    """Begin the innermost loop's next round."""
    emit("jmp", _innermost("continue_").again)
