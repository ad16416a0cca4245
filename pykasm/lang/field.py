"""Fields of structs, and what `field(…)` says of them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, Flag
from typing import Any, NamedTuple, TypeAlias, TypeGuard

from pykasm.errors import DeclarationMistake, ValueRangeMistake
from pykasm.lang.types import TypeMeta

EnumType: TypeAlias = type[Enum]


class BitRange(NamedTuple):
    """Bits of a number: their name, the number of the lowest, and how many they are."""

    name: str
    shift: int
    width: int

    @property
    def largest(self) -> int:
        """The largest value of these bits."""
        return (1 << self.width) - 1

    @property
    def mask(self) -> int:
        """A number that has these bits set and no others."""
        return self.largest << self.shift

    def placed(self, value: int, name: str) -> int:
        """`value` where these bits are; a mistake that names `name` if it needs more of them."""
        if not 0 <= value <= self.largest:
            raise ValueRangeMistake(
                f"{value} is outside of what `{name}` can be",
                expected=f"0 to {self.largest}",
                got=f"{value} for {self.width} bit{'s' * (self.width != 1)}",
            )
        return value << self.shift


@dataclass(frozen=True, slots=True)
class FieldOptions:
    """What `field(...)` says of a field beyond its type."""

    values: type[Enum] | None = None
    count: int | None = None
    align: int | None = None
    at: int | None = None
    guarded_by: str = ""
    written_by: tuple[str, ...] = ()
    unlocked_reads: bool = False
    bits: tuple[BitRange, ...] = ()
    freed_by: str = ""
    elements: str = ""


def field(
    values: type[Enum] | None = None,
    *,
    count: int | None = None,
    align: int | None = None,
    at: int | None = None,
    guarded_by: str = "",
    written_by: str | tuple[str, ...] = (),
    unlocked_reads: bool = False,
    freed_by: str = "",
    elements: str = "",
) -> Any:
    """Say more of a struct's field.

    `values`: the enumeration or flag set that names its values. `count`: number of elements of an
    `Array[T]`. `align`: alignment in bytes. `at`: offset in bytes, where hardware leaves gaps.
    `guarded_by`: the lock that must be held to touch it, as the path to a field of the same
    struct, or as the name of a lock elsewhere, such as `RunQueue.lock`. `written_by`: the names of
    the subsystems, or of the struct whose methods, write it; all others only read it.
    `unlocked_reads`: only who writes holds the lock; who reads may find that it has just changed.
    `freed_by`: the function, such as `Pages.free_page`, that frees what has the field once the last
    of the references is dropped which it counts. `elements`: the field, such as `Thread.link`, that
    links what is in the list which begins here.
    """
    if align is not None:
        check_alignment(align)
    if values is not None and not (isinstance(values, type) and issubclass(values, Enum)):
        raise DeclarationMistake(
            "`field` takes the enumeration that names the values",
            expected="a class of `IntEnum` or `IntFlag`",
            got=repr(values),
            fix="`field(count=…)` is the number of elements" if isinstance(values, int) else "",
        )
    check_number("count", count)
    check_number("at", at, signed=True)
    writers = (written_by,) if isinstance(written_by, str) else tuple(written_by)
    if unlocked_reads and not guarded_by:
        raise lockless("the field", "field(guarded_by=…, unlocked_reads=True)")
    return FieldOptions(
        values,
        count,
        align,
        at,
        guarded_by,
        writers,
        unlocked_reads,
        freed_by=freed_by,
        elements=elements,
    )


def lockless(what: str, expected: str) -> DeclarationMistake:
    """The mistake that `unlocked_reads` is said of `what` has no lock."""
    return DeclarationMistake(
        f"`unlocked_reads` says something of a lock, and {what} has none",
        expected=f"`{expected}`",
        got="no `guarded_by`",
    )


def bits(**widths: int) -> Any:
    """Give names to the bits of a field that is a number without sign, from the lowest on, with how
    many each has. What begins with an underscore is no name, but keeps bits free."""
    ranges, shift = [], 0
    for name, width in widths.items():
        if not isinstance(width, int) or isinstance(width, bool) or width < 1:
            raise DeclarationMistake(
                f"`{name}` has no number of bits",
                expected="1 or more",
                got=repr(width),
            )
        ranges.append(BitRange(name, shift, width))
        shift += width
    return FieldOptions(bits=tuple(ranges))


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a struct: its type, its offset in bytes, the struct that declares it, the name of
    the lock that must be held to touch it, or only to write it (`unlocked_reads`), the subsystems
    that write it (empty: all may), and the function that frees what a count of references is of."""

    name: str
    type: TypeMeta
    offset: int
    values: EnumType | None
    owner: TypeMeta
    guard: str = ""
    writers: tuple[str, ...] = ()
    unlocked_reads: bool = False
    bits: tuple[BitRange, ...] = ()
    """The names of its bits, from the lowest on."""
    freed_by: str = ""

    def __str__(self) -> str:
        return f"{self.owner.__name__}.{self.name}"


LARGEST = 1 << 30
"""The largest alignment in bytes: that of the largest page (AMD64 APM vol. 2, 5.3)."""


def check_alignment(align: object) -> None:
    """Raise a mistake unless machines align to `align` bytes."""
    if not _is_number(align) or align & (align - 1) or not 1 <= align <= LARGEST:
        raise DeclarationMistake(
            "an alignment is a power of two", expected=f"1, 2, 4, 8 … {LARGEST:#x}", got=repr(align)
        )


def _is_number(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def check_number(option: str, value: object, *, signed: bool = False) -> None:
    """Raise a mistake unless the `value` of an `option`, if there is one, counts bytes or elements;
    one that is `signed` may be below 0."""
    if value is not None and (not _is_number(value) or (value < 0 and not signed)):
        raise DeclarationMistake(
            f"`{option}=` is a number", expected="0, 1, 2, 3 …", got=repr(value)
        )


def value_names(values: type[Enum], number: int) -> str:
    """`number` by the names that `values` gives it: `PRESENT|WRITE`, `FREE`, or the number."""
    if issubclass(values, Flag):
        named = values(number)
        return str(named.name or number)
    return next((one.name for one in values if one.value == number), str(number))
