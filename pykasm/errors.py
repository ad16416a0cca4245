"""Mistakes: what was expected, what was found, and what to write instead.

Every kind of mistake is a class. All are shown in one format, at the author's line, and a build
collects them (`Collector`) so that people see all of them at once instead of one a run.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import ClassVar

from pykasm.source import Source, Span, author_span

SHOWN_AT_MOST = 20
"""How many mistakes a failed build shows in full."""


@dataclass(frozen=True, slots=True)
class Note:
    """A second place that matters to a mistake, with what happened there."""

    span: Span
    text: str


class PykasmError(Exception):
    """Anything that stops pykasm and is not its own fault; `str()` is the message for people."""


class Mistake(PykasmError):
    """A mistake in the author's code.

    `what` is one sentence. `mark` stands under the source text (what is there), `expected` and
    `got` are phrases, `fix` says what to write instead. `span` is the author's expression; left
    out, it is the one running now.
    """

    kind: ClassVar[str] = "mistake"
    severity: ClassVar[str] = "error"

    def __init__(
        self,
        what: str,
        *,
        mark: str = "",
        expected: str = "",
        got: str = "",
        fix: str = "",
        span: Span | None = None,
        notes: tuple[Note, ...] = (),
    ) -> None:
        self.what = in_one_line(what)
        self.mark = mark
        self.expected = in_one_line(expected)
        self.got = in_one_line(got)
        self.fix = in_one_line(fix)
        self.span = span or author_span()
        self.is_placed = False
        """Whether `placed_at` has said where it is."""
        self.notes = notes
        super().__init__(self.what)

    @property
    def source(self) -> Source | None:
        """The author's line."""
        return self.span.source if self.span else None

    def __str__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        yield f"{self.severity}[{self.kind}]: {self.what}"
        if self.span:
            yield f"  {self.span.source}"
            yield from _quoted(self.span, self.mark)
        file = self.span.source.file if self.span else None
        for note in self.notes:
            if note.span.source.file != file:
                yield f"  {note.span.source}"
                file = note.span.source.file
            yield from _quoted(note.span, note.text)
        for word, text in (("expected", self.expected), ("got", self.got), ("help", self.fix)):
            if text:
                yield f"{word}: {text}"


def in_one_line(text: str) -> str:
    """`text` for a line of a message: without line ends, and Python's values by their names."""
    if "\n" in text:
        text = " ".join(text.split())
    for pattern, name in _VALUES if "<" in text or "pykasm." in text else ():
        text = pattern.sub(name, text)
    return text


_VALUES = [
    (re.compile(pattern), name)
    for pattern, name in (
        (r"<(?:[\w.<>]+\.)?(\w[^<>]*) object at 0x\w+>", r"an object of `\1`"),
        (
            r"<(?:bound )?(?:function|method) (?:[\w.<>]+\.)?(\w+|<lambda>) (?:at|of) [^>]+>",
            r"`\1`",
        ),
        (r"<built-in (?:function|method) (\w+)[^>]*>", r"`\1`"),
        (r"<(?:class|enum|flag) '(?:[\w.<>]+\.)?(\w+)'>", r"`\1`"),
        (r"<module '([\w.]+)'[^>]*>", r"the module `\1`"),
        (r"\b(?:pykasm\.\w+|typing)(?:\.\w+)*\.([A-Z]\w*)", r"\1"),
        (r"\bpykasm(?:\.\w+)*\.(\w+)\(\)", r"\1()"),
    )
]
"""How Python shows values that have no text of their own, and how messages do."""


def _quoted(span: Span, mark: str) -> Iterator[str]:
    yield f"  {span.source.line:5} | {span.source.text}"
    carets = "^" * max(1, span.end - span.start)
    indent = "".join("\t" if one == "\t" else " " for one in span.source.text[: span.start])
    yield f"        | {indent}{carets} {mark}".rstrip()


@contextmanager
def placed_at(span: Callable[[], Span | None]) -> Iterator[None]:
    """Place mistakes inside at what `span` gives, which is asked only then: it reads files. The
    innermost place is the one that counts."""
    try:
        yield
    except Mistake as mistake:
        if not mistake.is_placed:
            mistake.span = span() or mistake.span
            mistake.is_placed = True
        raise


class OperandSizeMistake(Mistake):
    """Operands whose widths do not fit each other or the value."""

    kind = "operand-size"


class OperandFormMistake(Mistake):
    """Operands that the machine has no form of the instruction for."""

    kind = "operand-form"


class ValueRangeMistake(Mistake):
    """A number that does not fit the field it goes into."""

    kind = "value-range"


class TypeMistake(Mistake):
    """A value of one type where another is expected."""

    kind = "type"


class UnknownFieldMistake(Mistake):
    """A field that the struct does not have."""

    kind = "unknown-field"


class ConditionMistake(Mistake):
    """A condition used where Python wants a bool, or something else used as a condition."""

    kind = "condition"


class FlowMistake(Mistake):
    """A word of structured flow out of its place: no `with`, no loop around it."""

    kind = "flow"


class CallMistake(Mistake):
    """A call whose arguments do not fit the function."""

    kind = "call"


class UnusedResultMistake(Mistake):
    """The result of a call that nothing uses."""

    kind = "unused-result"


class RegisterMistake(Mistake):
    """No register is free for a role, or a register is used against its role."""

    kind = "registers"


class PlaceMistake(Mistake):
    """A word of the language used where it has no meaning, such as outside a function."""

    kind = "place"


class DeclarationMistake(Mistake):
    """A struct, datum, function or subsystem that is declared wrongly."""

    kind = "declaration"


class WiringMistake(Mistake):
    """A part that can't be made of the others, or contents that are no parts."""

    kind = "wiring"


class SymbolMistake(Mistake):
    """A symbol defined twice or not at all."""

    kind = "symbol"


class BranchRangeMistake(Mistake):
    """A branch whose target is further away than its encoding reaches."""

    kind = "branch-range"


class EncodingMistake(Mistake):
    """A statement that no encoder turned into the bytes meant."""

    kind = "encoding"


class FontMistake(Mistake):
    """A font that is damaged, or lacks what is asked of it."""

    kind = "font"


class FontWarning(FontMistake):
    """A font with other letters than are expected."""

    severity = "warning"


class UnreachableWarning(Mistake):
    """A function that nothing can reach."""

    kind = "unreachable"
    severity = "warning"


class PythonWarning(Mistake):
    """What Python warns of in the author's code."""

    kind = "python"
    severity = "warning"


class BuildFailed(PykasmError):
    """All mistakes of a build together."""

    def __init__(self, mistakes: list[Mistake], at_most: int | None = SHOWN_AT_MOST) -> None:
        self.mistakes = mistakes
        self.at_most = at_most
        super().__init__(mistakes)

    def __str__(self) -> str:
        parts = [str(mistake) for mistake in self.mistakes[: self.at_most]]
        hidden = len(self.mistakes) - len(parts)
        count = len(self.mistakes)
        tail = f"{count} error{'s' if count != 1 else ''}"
        if hidden:
            tail += f", {hidden} of them not shown"
        return "\n\n".join([*parts, tail])


class Collector:
    """Gathers the mistakes of a build so that it can go on after each."""

    def __init__(self) -> None:
        self.mistakes: list[Mistake] = []
        self.warnings: list[Mistake] = []
        self._known: set[tuple[str, str, Span | None]] = set()

    def add(self, mistake: Mistake) -> None:
        """Take note of `mistake`; the same one at the same place counts once."""
        key = (mistake.kind, mistake.what, mistake.span)
        if key not in self._known:
            self._known.add(key)
            is_warning = mistake.severity == "warning"
            (self.warnings if is_warning else self.mistakes).append(mistake)

    @contextmanager
    def catching(self) -> Iterator[None]:
        """Collect a mistake raised inside instead of passing it on."""
        try:
            yield
        except Mistake as mistake:
            self.add(mistake)

    def finish(self) -> None:
        """Raise `BuildFailed` if there was any mistake."""
        if self.mistakes:
            raise BuildFailed(self.mistakes)


_collectors: list[Collector] = []


@contextmanager
def collecting(collector: Collector) -> Iterator[Collector]:
    """Collect the mistakes that `report` inside is given in `collector`."""
    _collectors.append(collector)
    try:
        yield collector
    finally:
        _collectors.pop()


def reported() -> list[Mistake]:
    """The mistakes that `report` was given so far in the build in progress."""
    return _collectors[-1].mistakes if _collectors else []


def report(mistake: Mistake) -> None:
    """Hand `mistake` to the build in progress and go on; without a build, raise it, unless it is a
    warning."""
    if _collectors:
        _collectors[-1].add(mistake)
    elif mistake.severity != "warning":
        raise mistake
