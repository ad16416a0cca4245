"""Where code runs, as functions and the types of pointers to them state it."""

from __future__ import annotations

import difflib
from typing import Literal, TypeAlias, get_args

from pykasm.errors import DeclarationMistake

Context: TypeAlias = Literal["thread", "deferred", "interrupt", "interrupts off", "any"]
"""Where a function runs: in threads, where interrupts may be on; behind handlers of interrupts; in
these; wherever interrupts are off; anywhere."""


def check_context(context: Context | None, sleeps: bool = False) -> None:
    """Raise a mistake for a context that there is none of, or in which nothing sleeps."""
    if context not in (None, *get_args(Context)):
        near = difflib.get_close_matches(str(context), get_args(Context), n=1)
        raise DeclarationMistake(
            f"there is no context `{context}`",
            expected="one of " + ", ".join(get_args(Context)),
            got=repr(context),
            fix=f"did you mean `{near[0]}`?" if near else "",
        )
    if sleeps and context in ("any", "deferred", "interrupt"):
        raise DeclarationMistake(
            f'`context="{context}"` means that nothing sleeps',
            expected='`sleeps=True` with `context="thread"`, or none',
            got=f'`sleeps=True` with `context="{context}"`',
        )
