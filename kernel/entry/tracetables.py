"""What is known of system calls and their parameters, as tables that traces go by."""

from __future__ import annotations

from kernel.entry.parameterkind import ParameterForm, ParameterKind
from kernel.entry.systemcalldescriptions import descriptions
from kernel.entry.systemcalls import CALLS
from pykasm import *


class NamedValue(Struct):
    """What a value, or a bit, is called."""

    name: Ptr[U8]
    value: U64


class ShownField(Struct):
    """A field of a struct, by its place and size in bytes."""

    name: Ptr[U8]
    offset: U32
    size: U32
    form: U32 = field(ParameterForm)


class TracedParameter(Struct):
    """A parameter: its kind, and where its names and fields begin in the tables of these."""

    form: U32 = field(ParameterForm)
    size: U32
    """Bytes of the register that count."""
    first_name: U32
    names: U32
    within: U64
    """The bits that are one value and no flags."""
    first_field: U32
    fields: U32
    record_size: U32


class TracedCall(Struct):
    """A system call; one without a name is none."""

    name: Ptr[U8]
    first: U32
    """Its first parameter in the table of these."""
    count: U32
    is_told_first: U32
    """1 if its parameters are lost afterwards: it runs another program, or does not return."""


TOLD_FIRST = ("execve", "execveat", "exit", "exit_group", "rt_sigreturn")


class TraceTables(Subsystem):
    """Tables made of the descriptions of system calls."""

    def __init__(self) -> None:
        self._names: list[NamedValue] = []
        self._fields: list[ShownField] = []
        parameters: list[TracedParameter] = []
        calls = [TracedCall()] * CALLS
        self._places: dict[int, tuple[int, int]] = {}
        for number, name, own in descriptions():
            calls[number] = TracedCall(
                name=name,
                first=len(parameters),
                count=len(own),
                is_told_first=name in TOLD_FIRST,
            )
            parameters += [self._row(one.kind, one.size) for one in own]
        self.calls = rodata(TracedCall * CALLS, calls)
        self.parameters = rodata(TracedParameter * len(parameters), parameters)
        self.names = rodata(NamedValue * len(self._names), self._names)
        self.fields = rodata(ShownField * len(self._fields), self._fields)

    def _row(self, kind: ParameterKind, size: int) -> TracedParameter:
        """Return the row of a parameter; its names and fields are entered, those of a kind once."""
        if id(kind) not in self._places:
            self._places[id(kind)] = len(self._names), len(self._fields)
            self._names += [NamedValue(name=one, value=value) for one, value in kind.names.items()]
            self._fields += [
                ShownField(name=name, offset=at, size=bytes, form=form)
                for name, at, bytes, form in kind.fields
            ]
        first_name, first_field = self._places[id(kind)]
        return TracedParameter(
            form=kind.form,
            size=size,
            first_name=first_name,
            names=len(kind.names),
            within=kind.within,
            first_field=first_field,
            fields=len(kind.fields),
            record_size=kind.size,
        )
