"""Exceptions that Python raises in the author's code, as mistakes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from inspect import CO_OPTIMIZED, Parameter, signature, unwrap
from types import FrameType, FunctionType
from typing import NamedTuple, TypeAlias

from pykasm.errors import Mistake, Note, PykasmError, TypeMistake, report
from pykasm.guesses import did_you_mean
from pykasm.lang.unknownnames import unknown_name
from pykasm.source import Moment, Source, Span, is_authors, line_span

_reserve = bytearray(1 << 24)
"""Memory that is kept free to tell with of the lack of any more."""

CALLERS = 4
"""How many of the author's lines that led to an exception are shown beside its own."""


Place: TypeAlias = Callable[[], Span]
"""Gives a place, which is asked only where it is told: it reads files."""


def collected(run: Callable[[], object], place: Place | None = None) -> bool:
    """Run author's code; report the mistake that ends it. Whether it came to its end.

    `place`: where what runs is declared, for exceptions that arise before a line of it runs.
    """
    try:
        with told(place):
            run()
    except Mistake as mistake:
        report(mistake)
        return False
    return True


@contextmanager
def told(place: Place | None = None) -> Iterator[None]:
    """Raise a mistake in place of an exception that Python raises in the author's code inside, or
    over what the author has declared at `place`."""
    try:
        yield
    except PykasmError:
        raise
    except Exception as error:
        if isinstance(error, MemoryError):
            _reserve.clear()
        mistake = python_mistake(error, place)
        if mistake is None:
            raise
        raise mistake from None


class PythonMistake(Mistake):
    """An exception that Python raised in the author's code."""

    kind = "python"


class _Step(NamedTuple):
    """What a frame of the author's was doing when an exception passed through it."""

    frame: FrameType
    span: Span


def python_mistake(error: Exception, place: Place | None = None) -> Mistake | None:
    """What `error` says, at the author's line; None if no code of the author's was running, and
    nothing that was declared at a `place` is known."""
    steps = [*_steps(error)]
    mistake = _syntax_mistake(error) if isinstance(error, SyntaxError) else None
    if mistake is None and steps:
        last = steps.pop()
        if _word_that_failed(error) is None:
            # first, as later versions of Python name the attribute of an assignment too
            mistake = _assignment(error, last.span) or unknown_name(error, last.frame, last.span)
        mistake = mistake or _unknown_option(error, last) or _plain(error, last.span)
    elif mistake is None and place is not None:
        mistake = _plain(error, place())
    if mistake is not None:
        mistake.notes = (*_callers(steps, mistake.span, _is_circle(error)),)
    return mistake


def _is_circle(error: Exception) -> bool:
    """Whether modules import each other in a circle."""
    return isinstance(error, ImportError) and "circular import" in str(error)


def _steps(error: Exception) -> Iterator[_Step]:
    """The frames of the author's that `error` came through, the innermost last."""
    trace = error.__traceback__
    while trace is not None:
        frame = trace.tb_frame
        if is_authors(frame):
            yield _Step(frame, Moment(frame.f_code, trace.tb_lasti, trace.tb_lineno).span)
        trace = trace.tb_next


def _callers(steps: list[_Step], place: Span | None, with_imports: bool) -> Iterator[Note]:
    """The last lines that led to `place`, the nearest first, and `with_imports` those too."""
    shown = {place}
    for step in reversed(steps):
        code = step.frame.f_code
        is_called = bool(code.co_flags & CO_OPTIMIZED)
        if step.span in shown or not (is_called or (with_imports and code.co_name == "<module>")):
            continue
        shown.add(step.span)
        yield Note(step.span, "called here" if is_called else "imported here")
        if len(shown) > CALLERS:
            return


def _syntax_mistake(error: SyntaxError) -> Mistake | None:
    """What Python can't read, at its line; None if the text stands in no file."""
    if error.filename is None or error.filename.startswith("<"):
        return None
    source = Source(error.filename, error.lineno or 1)
    span = line_span(source)
    if error.offset and error.text is not None and span.start < error.offset <= span.end:
        end = error.end_offset if error.end_lineno == error.lineno else None
        start = error.offset - 1
        span = Span(source, start, max(start + 1, min((end or 0) - 1, span.end)))
    return PythonMistake(f"{type(error).__name__}: {error.msg}", fix=_reserved(span), span=span)


def _assignment(error: Exception, place: Span) -> Mistake | None:
    """The mistake of assigning to what the machine has; None if it is none."""
    if not isinstance(error, AttributeError) or not _is_assigned(place):
        return None
    return TypeMistake(
        f"`{place.text} = …` emits nothing",
        expected="an instruction that writes it when the code runs",
        got="an assignment of Python's, which runs while the code is being written",
        fix=f"`mov({place.text}, …)`",
        span=place,
    )


def _unknown_option(error: Exception, step: _Step) -> Mistake | None:
    """The mistake of an option that a word of the language does not have; None if it is none."""
    said = _UNKNOWN_OPTION.search(str(error)) if isinstance(error, TypeError) else None
    word = step.frame.f_globals.get(said["word"]) if said is not None else None
    if said is None or not isinstance(word, FunctionType) or not word.__module__.startswith(WORDS):
        return None
    known = [name for name in signature(word).parameters if name not in ("body", "initial")]
    return PythonMistake(
        f"`{said['word']}` has no option `{said['option']}`",
        expected=f"one of {', '.join(known)}",
        got=f"`{said['option']}=…`",
        fix=did_you_mean(said["option"], known),
        span=step.span,
    )


WORDS = "pykasm.lang."
"""Where the words of the language are."""

_UNKNOWN_OPTION = re.compile(
    r"(?P<word>\w+)\(\) got an unexpected keyword argument '(?P<option>\w+)'"
)


def _plain(error: Exception, place: Span) -> Mistake:
    if isinstance(error, MemoryError):
        return PythonMistake(
            "there is no memory left",
            expected="an end to what is made while the code is being written",
            got="MemoryError",
            span=place,
        )
    called = place.text.partition("(")[0]
    text = _OPERATION.sub(lambda _: f"{called}()", str(error))
    what = f"{type(error).__name__}: {text}".removesuffix(": ")
    if isinstance(error, TypeError) and "context manager protocol" in str(error):
        return PythonMistake(
            f"`with {place.text}:` opens no block",
            expected=f"`with {place.text}():`, a word of a block with parentheses",
            got=what,
            span=place,
        )
    word = _word_that_failed(error)
    if word is not None and not _MISCALLED.match(text):
        name = word.f_code.co_qualname.removesuffix(".__init__").removesuffix(".__call__")
        shown = place.text if "_" in name[:1] or "._" in name else name
        return PythonMistake(
            f"`{shown}` can make nothing of this",
            expected=_signature(word),
            got=what,
            span=place,
        )
    return PythonMistake(what, span=place)


_OPERATION = re.compile(r"[\w.<>]+\.__(call|new)__\(\)")
"""What Python calls the call of a class whose kind has a way of its own to make instances."""

_MISCALLED = re.compile(r"[\w.<>]+\(\) (missing|takes|got|should) ")
"""What Python says of a call whose arguments do not fit the function."""


def _word_that_failed(error: Exception) -> FrameType | None:
    """The function of pykasm that the author's code had called when pykasm raised `error`."""
    word, trace = None, error.__traceback__
    while trace is not None:
        frame, trace = trace.tb_frame, trace.tb_next
        if is_authors(frame):
            word = None
        elif word is None and _is_pykasms(frame):
            word = frame
        last = frame
    return word if word is not None and _is_pykasms(last) else None


def _is_pykasms(frame: FrameType) -> bool:
    name: str = frame.f_globals.get("__name__", "")
    return name.partition(".")[0] == "pykasm"


def _signature(word: FrameType) -> str:
    """How a function of pykasm is called."""
    function = word.f_globals.get(word.f_code.co_name)
    if not isinstance(function, FunctionType) or unwrap(function).__code__ is not word.f_code:
        return ""
    text = ", ".join(
        f"{one.replace(annotation=Parameter.empty)}: {one.annotation}"
        for one in signature(function).parameters.values()
    )
    return f"{function.__name__}({text})"


def _is_assigned(place: Span) -> bool:
    """Whether an assignment of Python's stands right behind the expression."""
    rest = place.source.text[place.end :].lstrip()
    return rest.startswith("=") and not rest.startswith("==")


def _reserved(place: Span) -> str:
    """What to write for an instruction whose name Python keeps for itself."""
    word = place.source.text[place.start :].partition("(")[0].strip()
    return f"the instruction is `{word}_(…)`: Python keeps `{word}`" if word in RESERVED else ""


RESERVED = ("and", "or", "not", "in")
