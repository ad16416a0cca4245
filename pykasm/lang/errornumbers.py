"""Numbers of errors, which functions return negated."""

from __future__ import annotations

from enum import IntEnum


class NegatedError(int):
    """What a function returns that failed: the negated number of an error."""


class ErrorNumber(IntEnum):
    """The numbers of errors: `class Errno(ErrorNumber)` with a line for each.

    `-Errno.ENOMEM` is what a function returns. The checker knows both from other numbers.
    """

    def __neg__(self) -> NegatedError:
        return NegatedError(-int(self))
