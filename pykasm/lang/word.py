"""Words that stand after `with`: they emit code where their block begins and where it ends."""

from __future__ import annotations

from types import TracebackType
from typing import Any

from pykasm.errors import FlowMistake, Mistake, report
from pykasm.lang.builder import CodeBuilder, current
from pykasm.source import Moment, author_frame, moment_of


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
        frame = author_frame()
        self.moment = moment_of(frame) if frame is not None else None
        self.code = frame.f_code if frame is not None else None
        self.place = self.builder.counted or self.builder.running_in(frame)
        if frame is not None:
            self.builder.writers[frame.f_code] = None
        self.builder.open_words.append(self)

    def forgotten(self) -> Mistake:
        """The mistake of never having been entered."""
        return forgotten_with(self.name, self.moment)

    def __enter__(self) -> Any:
        self.builder.open_words.remove(self)
        self.undo = self.builder.undo
        with self.builder.counting(*self.place):
            self.begin()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.builder.undo = self.undo
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
