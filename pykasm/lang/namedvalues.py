"""Numbers that have to be values of an enumeration, or bits of a set."""

from __future__ import annotations

from enum import Enum, Flag

from pykasm.errors import TypeMistake, ValueRangeMistake


def check_value(values: type[Enum], number: int, name: str) -> None:
    """Raise a mistake where `number` is none of the `values` that what is called `name` holds."""
    if isinstance(number, Enum) and not isinstance(number, values):
        raise TypeMistake(
            f"`{name}` holds another enumeration",
            expected=f"a value of {values.__name__}",
            got=f"{type(number).__name__}.{number.name}",
        )
    if not _is_named(values, number):
        raise ValueRangeMistake(
            f"{number} is none of the values that `{name}` holds",
            expected=_names(values),
            got=str(number),
        )


def _is_named(values: type[Enum], number: int) -> bool:
    """Whether `values` has a name for `number`; of flags, one for each bit."""
    if issubclass(values, Flag):
        known = 0
        for one in values.__members__.values():
            known |= one.value
        return number & ~known == 0
    return any(one.value == number for one in values)


def _names(values: type[Enum]) -> str:
    names = [f"{values.__name__}.{one.name}" for one in values]
    more = " …" if len(names) > _MOST_NAMES else ""
    return ", ".join(names[:_MOST_NAMES]) + more


_MOST_NAMES = 8
"""How many names of an enumeration a message shows."""
