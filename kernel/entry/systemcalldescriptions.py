"""The system calls and their parameters, for tools and for traces."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from kernel.entry.parameterkind import ParameterKind
from kernel.entry.systemcallparameters import ADDRESS, HEX, PARAMETERS, SIGNED, UNSIGNED
from kernel.entry.systemcalls import NUMBERS
from pykasm import *
from pykasm.lang.convention import Signature
from pykasm.lang.function import Function


class CallParameter(NamedTuple):
    """A parameter of a system call: what it means, and how many bytes of the register count."""

    kind: ParameterKind
    size: int


class CallDescription(NamedTuple):
    """A system call."""

    number: int
    name: str
    parameters: tuple[CallParameter, ...]


def descriptions(calls: Mapping[int, Function[Any]] = NUMBERS) -> list[CallDescription]:
    """Return all system calls in the order of their numbers."""
    return [_described(number, calls[number]) for number in sorted(calls)]


def summary() -> str:
    """Return a table of all system calls, as the kernel's README has it."""
    rows = ["| number | call | parameters |", "| --- | --- | --- |"]
    for number, name, parameters in descriptions():
        kinds = ", ".join(one.kind.form.name.lower().replace("_", " ") for one in parameters)
        rows.append(f"| {number} | `{name}` | {kinds} |")
    return "\n".join(rows)


def _described(number: int, function: Function[Any]) -> CallDescription:
    signature = function.signature()
    kinds = PARAMETERS.get(function.name) or _usual_kinds(signature)
    sizes = [sizeof(one.type) for one in signature.parameters]
    sizes += [sizeof(U64)] * (len(kinds) - len(sizes))  # the kernel needs no more of them
    parameters = tuple(map(CallParameter, kinds, sizes))
    return CallDescription(number, function.name, parameters)


def _usual_kinds(signature: Signature) -> tuple[ParameterKind, ...]:
    """Return what the types of parameters tell of what they mean."""
    return tuple(_usual_kind(one.type) for one in signature.parameters)


def _usual_kind(kind: Any) -> ParameterKind:
    if issubclass(kind, (Ptr, User)):
        return ADDRESS
    if issubclass(kind, (I8, I16, I32, I64)):
        return SIGNED
    return UNSIGNED if sizeof(kind) < sizeof(U64) else HEX
