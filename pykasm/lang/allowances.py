"""Exceptions from the checker's rules, written at the code with a reason."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pykasm.errors import DeclarationMistake, placed_at, report
from pykasm.lang.word import Word
from pykasm.source import Source, Span, line_span


@dataclass(slots=True)
class Allowance:
    """An exception from the rule of this number, such as E032, stated at `span`.

    `start` and `end` are the indexes of the items of code that it covers (`end` None: all of the
    routine).
    """

    rule: str
    reason: str
    span: Span
    start: int = 0
    end: int | None = None

    def renumber(self, moved: Callable[[int], int]) -> None:
        """Take the items of code by their new indexes."""
        if self.end is not None:
            self.start, self.end = moved(self.start), moved(self.end)


class _Allowed(Word):
    """A block in which a rule may be broken."""

    def __init__(self, rule: str, reason: str) -> None:
        super().__init__("allowed")
        self.rule = rule
        self.reason = reason

    def begin(self) -> None:
        self.start = len(self.builder.items)

    def end(self) -> None:
        span = self.moment.span if self.moment else line_span(self.place[0])
        _check_reason(self.rule, self.reason, span)
        end = len(self.builder.items)
        self.builder.allowances.append(Allowance(self.rule, self.reason, span, self.start, end))


def allowed(rule: str, reason: str) -> Word:
    """Exempt the lines of the block from the checker's `rule`, for `reason`.

    A build counts its exceptions. One that nothing in its block needs is a mistake, and so is an
    empty reason.
    """
    _check_texts(rule, reason)
    return _Allowed(rule, reason)


def allowances_of(routine: Mapping[str, str], declared: Source) -> list[Allowance]:
    """The exceptions that a decorator states for a whole routine: reasons by rules."""
    span = line_span(declared)
    with placed_at(lambda: span):
        if not isinstance(routine, Mapping):
            raise _no_texts(routine)
        for rule, reason in routine.items():
            _check_texts(rule, reason)
            _check_reason(rule, reason, span)
    return [Allowance(rule, reason, span) for rule, reason in routine.items()]


def _check_texts(*given: object) -> None:
    """Raise a mistake unless the number of a rule and the reason are texts."""
    if not all(isinstance(one, str) for one in given):
        raise _no_texts(*given)


def _no_texts(*given: object) -> DeclarationMistake:
    return DeclarationMistake(
        "an exception is the number of a rule with a reason",
        expected='`allowed("E032", "why")`, or `allow={"E032": "why"}`',
        got=", ".join(map(repr, given)),
    )


def _check_reason(rule: str, reason: str, span: Span) -> None:
    if not reason.strip():
        report(
            DeclarationMistake(
                f"an exception from {rule} without a reason",
                expected="words that tell why the code is right all the same",
                got="an empty text",
                span=span,
            )
        )
