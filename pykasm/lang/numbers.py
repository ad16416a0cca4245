"""Numbers of a fixed width, and what is wider and only moved as a whole."""

from __future__ import annotations

from typing import Literal

from pykasm.lang.types import Type, TypeMeta, plain


class Integer(Type):
    """A whole number of a fixed width. A class that is derived with `remote=True` is for addresses
    by which code finds nothing: those that devices and page tables go by."""

    def __init_subclass__(cls, *, remote: bool = False) -> None:
        super().__init_subclass__()
        if remote:
            cls._remote = True


class U8(Integer):
    """8 bits without sign."""

    _size = _align = 1


class U16(Integer):
    """16 bits without sign."""

    _size = _align = 2


class U32(Integer):
    """32 bits without sign."""

    _size = _align = 4


class Bool(U32):
    """A truth, 1 or 0 in 32 bits: a condition without being compared."""

    _truth = True


class U64(Integer):
    """64 bits without sign."""

    _size = _align = 8


class I8(Integer):
    """8 bits, two's complement."""

    _size = _align = 1
    _signed = True


class I16(Integer):
    """16 bits, two's complement."""

    _size = _align = 2
    _signed = True


class I32(Integer):
    """32 bits, two's complement."""

    _size = _align = 4
    _signed = True


class I64(Integer):
    """64 bits, two's complement."""

    _size = _align = 8
    _signed = True


class U16BE(Integer):
    """16 bits without sign in memory, the most significant byte first."""

    _size = _align = 2
    _host = U16


class U32BE(Integer):
    """32 bits without sign in memory, the most significant byte first."""

    _size = _align = 4
    _host = U32


class U64BE(Integer):
    """64 bits without sign in memory, the most significant byte first."""

    _size = _align = 8
    _host = U64


class Vector(Type):
    """What instructions take as a whole and nobody reckons with, such as the contents of an SSE,
    AVX or x87 register."""


class X48(Vector):
    """What 16- and 32-bit code calls an fword: a table's bounds, a selector with an offset."""

    _size, _align = 6, 2


class X80(Vector):
    """An x87 register: 80-bit floating point."""

    _size, _align = 10, 16


class X128(Vector):
    """An xmm register."""

    _size = _align = 16


class X256(Vector):
    """A ymm register."""

    _size = _align = 32


class X512(Vector):
    """A zmm register."""

    _size = _align = 64


def is_kind(kind: TypeMeta) -> bool:
    """Whether `kind` is one of the author's own kinds of numbers, such as times or sizes."""
    return issubclass(kind, Integer) and not kind.__module__.startswith(__package__)


def numbers_mix(one: TypeMeta, other: TypeMeta) -> bool:
    """Whether numbers of two types may meet: those of different kinds do not."""
    one, other = plain(one), plain(other)
    no_kinds = not is_kind(one) or not is_kind(other)
    return no_kinds or issubclass(one, other) or issubclass(other, one)


def held_as(kind: TypeMeta) -> TypeMeta:
    """The type of a `kind` in a register."""
    return kind._host or kind


def byte_order(kind: TypeMeta) -> Literal["little", "big"]:
    """The order of the bytes of a `kind` in memory."""
    return "little" if kind._host is None else "big"


def numbers_of(kind: TypeMeta) -> range:
    """The numbers that a `kind` holds."""
    count = 2 if kind._truth else 1 << (kind._size * 8)
    least = -(count // 2) if kind._signed else 0
    return range(least, least + count)
