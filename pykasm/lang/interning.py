"""Methods that keep something for all code while it is written, such as numbers for names."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, wraps
from types import FunctionType
from typing import Concatenate, ParamSpec, TypeVar

from pykasm.lang.decorated import check_decorated
from pykasm.lang.stubs import unit_being_written
from pykasm.lang.subsystem import Subsystem
from pykasm.lang.unit import Question

P = ParamSpec("P")
R = TypeVar("R")
S = TypeVar("S", bound=Subsystem)


def interns(method: Callable[Concatenate[S, P], R]) -> Callable[Concatenate[S, P], R]:
    """Mark a method of a subsystem that gives one and the same answer for one name, and keeps what
    it was asked: it is called by code that is being written, with numbers and texts.

    A build asks again for the code that an earlier build has written.
    """
    check_decorated("interns", method)

    @wraps(method)
    def ask(self: S, /, *arguments: P.args, **options: P.kwargs) -> R:
        answer = method(self, *arguments, **options)
        unit = unit_being_written()
        if unit is not None:
            question = Question(self._unit_name(), method.__name__, arguments, options, answer)
            unit.questions.append(question)
        return answer

    INTERNING.add(ask)
    return ask


INTERNING: set[object] = set()
"""All such methods."""


def is_interning(kind: type[Subsystem]) -> bool:
    """Whether subsystems of this class have such methods."""
    return any(map(_interns, kind.__mro__))


@cache
def _interns(kind: type) -> bool:
    """Whether the class itself has such methods, whatever those that it extends have."""
    return any(isinstance(one, FunctionType) and one in INTERNING for one in vars(kind).values())
