"""What parameters of system calls mean."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from types import MappingProxyType
from typing import NamedTuple, get_type_hints

from pykasm import *

NOTHING: Mapping[str, int] = MappingProxyType({})


class ParameterForm(IntEnum):
    """How a parameter is written, in traces and for those who make some up."""

    SIGNED = 0
    UNSIGNED = 1
    HEX = 2
    OCTAL = 3
    ADDRESS = 4
    """NULL, or a number that nobody follows."""
    FILE = 5
    """The number of an open file."""
    DIRECTORY = 6
    """One of a directory, or AT_FDCWD."""
    FLAGS = 7
    """Bits by their names."""
    VALUE = 8
    """One of some names."""
    SIGNAL = 9
    TEXT = 10
    """The address of a string that ends with a 0."""
    INPUT = 11
    """The address of bytes, as many as the next parameter says."""
    OUTPUT = 12
    """Room for bytes; the result says how many came."""
    STRINGS = 13
    """The address of addresses of strings, which end with a 0."""
    RECORD_IN = 14
    """The address of a struct that the program has filled in."""
    RECORD_OUT = 15
    """Room for a struct, which is filled in if the call is no failure."""
    SIGNAL_SET = 16
    """The address of a set of signals."""
    LENGTH = 17
    """How many bytes, or elements, a parameter before it has, or the one behind it."""
    OFFSET = 18
    """A place in a file."""
    PROCESS = 19
    """The number of a process, a thread or a group of processes."""
    USER = 20
    """The number of a user or of a group of users; -1 for none."""


class RecordField(NamedTuple):
    """A field of a struct: its name in Linux, its place and size in bytes, and how it is written,
    by one of the forms of numbers."""

    name: str
    offset: int
    size: int
    form: ParameterForm


class ParameterKind(NamedTuple):
    """A kind of parameters: a `form`; the `names` of bits or values, where it has some, with
    `within` the bits that are one value and not flags; and for records their `fields`."""

    form: ParameterForm
    names: Mapping[str, int] = NOTHING
    within: int = 0
    fields: tuple[RecordField, ...] = ()
    size: int = 0
    """Bytes of a record."""

    @property
    def is_address(self) -> bool:
        """Whether the parameter is an address in the program's memory."""
        return self.form in _ADDRESSES


_ADDRESSES = (
    *(ParameterForm.ADDRESS, ParameterForm.TEXT, ParameterForm.INPUT, ParameterForm.OUTPUT),
    *(ParameterForm.STRINGS, ParameterForm.RECORD_IN, ParameterForm.RECORD_OUT),
    ParameterForm.SIGNAL_SET,
)


def record(
    form: ParameterForm, kind: type[Struct], **shown: str | tuple[str, ParameterForm]
) -> ParameterKind:
    """Return the kind of parameters that point to a `kind`. Fields are `shown` by Linux's names, in
    decimal unless another form stands beside the kernel's name."""
    fields = []
    for name, own in shown.items():
        own, wanted = (own, None) if isinstance(own, str) else own
        type_of = get_type_hints(kind)[own]
        has_sign = issubclass(type_of, (I8, I16, I32, I64))
        usual = ParameterForm.SIGNED if has_sign else ParameterForm.UNSIGNED
        fields.append(RecordField(name, offsetof(kind, own), sizeof(type_of), wanted or usual))
    return ParameterKind(form, fields=tuple(fields), size=sizeof(kind))
