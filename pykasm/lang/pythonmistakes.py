"""Exceptions that Python raises in the author's code, as mistakes."""

from __future__ import annotations

from collections.abc import Callable

from pykasm.errors import Mistake, report
from pykasm.source import Moment, Span, is_library


def collected(run: Callable[[], object]) -> bool:
    """Run author's code; report the mistake that ends it. Whether it came to its end."""
    try:
        run()
    except Mistake as mistake:
        report(mistake)
        return False
    except Exception as error:
        place = _author_place(error)
        if place is None:
            raise
        report(_python_mistake(error, place))
        return False
    return True


class PythonMistake(Mistake):
    """An exception that Python raised in the author's code."""

    kind = "python"


def _author_place(error: Exception) -> Span | None:
    """Where in the author's code `error` came from, unless pykasm itself raised it."""
    trace = error.__traceback__
    last = None
    while trace is not None:
        if not is_library(trace.tb_frame):
            last = trace
        trace = trace.tb_next
    if last is None:
        return None
    return Moment(last.tb_frame.f_code, last.tb_lasti, last.tb_lineno).span


def _python_mistake(error: Exception, place: Span) -> Mistake:
    what = f"{type(error).__name__}: {error}"
    if isinstance(error, AttributeError) and _is_assigned(place):
        return PythonMistake(
            what, fix=f"`mov({place.text}, …)` writes it when the code runs", span=place
        )
    return PythonMistake(what, span=place)


def _is_assigned(place: Span) -> bool:
    """Whether an assignment of Python's stands right behind the expression."""
    rest = place.source.text[place.end :].lstrip()
    return rest.startswith("=") and not rest.startswith("==")
