"""Whether the arguments of a call fit its parameters."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

from pykasm.errors import CallMistake
from pykasm.lang.builder import current
from pykasm.lang.convention import Parameter
from pykasm.lang.fitting import (
    address_fits,
    described,
    function_fits,
    signature_behind,
    types_fit,
)
from pykasm.lang.hints import hint_for, shown_value
from pykasm.lang.links import common_elements, link_behind
from pykasm.lang.numbers import numbers_of
from pykasm.lang.operand import Operand
from pykasm.lang.operands import RegisterOperand
from pykasm.lang.places import PlaceAddress
from pykasm.lang.structs import is_aggregate
from pykasm.lang.symbolic import AddressOperand
from pykasm.lang.types import TypeMeta, is_function_pointer, is_pointer


def check_arguments(name: str, parameters: Sequence[Parameter], given: Sequence[object]) -> None:
    """Raise a mistake unless the arguments fit in number, type and width."""
    if len(parameters) != len(given):
        wanted = ", ".join(f"{one.name}: {one.type!r}" for one in parameters)
        raise CallMistake(
            f"`{name}` takes {len(parameters)} argument{'s' * (len(parameters) != 1)}",
            expected=f"{name}({wanted})",
            got=f"{len(given)} argument{'s' * (len(given) != 1)}",
        )
    for parameter, value in zip(parameters, given, strict=True):
        check_argument(name, parameter, value)


def elements_given(name: str, parameters: Sequence[Parameter], given: Sequence[object]) -> str:
    """What links the elements of all links that are given to what is called `name`, for parameters
    which are links of any kind; empty if nobody knows."""
    return common_elements(
        name,
        (
            (text_given(value), type_given(value))
            for one, value in zip(parameters, given, strict=True)
            if link_behind(one.type) is not None
        ),
    )


def text_given(value: object) -> str:
    """An argument as a message shows it."""
    return f"address_of({value.name})" if isinstance(value, AddressOperand) else shown_value(value)


def type_given(value: object) -> TypeMeta | None:
    """The type of an argument, None if it has none."""
    if isinstance(value, AddressOperand):
        return value.target
    return value._kind if isinstance(value, Operand | PlaceAddress) else None


def check_argument(name: str, parameter: Parameter, value: object) -> None:
    """Raise a mistake unless `value` fits the `parameter` of what is called `name`."""
    kind = parameter.type
    if isinstance(value, int):
        _check_number(name, parameter, value)
    elif isinstance(value, Operand):
        _check_operand(name, parameter, value)
    elif isinstance(value, PlaceAddress) or (
        isinstance(value, AddressOperand) and value.target is not None
    ):
        _check_address(name, parameter, value)
    elif not (is_pointer(kind) and hasattr(value, "_symbol_reference")) and not isinstance(
        value, AddressOperand
    ):
        raise _misfit(name, parameter, shown_value(value), hint_for(value))
    else:
        _check_function(name, parameter, value)


def _check_function(name: str, parameter: Parameter, value: object) -> None:
    signature = signature_behind(value)
    if signature is not None and not function_fits(parameter.type, signature):
        raise _misfit(name, parameter, described(signature))
    if is_function_pointer(parameter.type):
        current(name).take_address(value, parameter.type)


def _check_number(name: str, parameter: Parameter, value: int) -> None:
    if int(value) not in numbers_of(parameter.type):
        raise _misfit(name, parameter, f"{int(value):#x}")
    if isinstance(value, Enum) and is_pointer(parameter.type):
        raise _misfit(name, parameter, str(value))


def _check_operand(name: str, parameter: Parameter, value: Operand) -> None:
    value._touch()
    size = value._register.size if isinstance(value, RegisterOperand) else value._kind._size
    untyped = isinstance(value, RegisterOperand) and value._role is None
    if is_aggregate(value._kind) and not is_aggregate(parameter.type):
        fix = f"`address_of({value._text()})` is its address"
        raise _misfit(name, parameter, f"{value._text()}: {value._kind!r}, as a whole", fix)
    if size != parameter.type._size:
        raise _misfit(name, parameter, f"{value._text()}: {value._kind!r}, {size} bytes")
    if not untyped and parameter.type._truth and not value._kind._truth:
        raise _misfit(
            name, parameter, f"{value._text()}: {value._kind!r}", _truth_of(name, value._text())
        )
    if not untyped and not types_fit(parameter.type, value._kind):
        fix = f"`cast({value._text()}, {parameter.type!r})` if it is one"
        raise _misfit(name, parameter, f"{value._text()}: {value._kind!r}", fix)


def _truth_of(name: str, value: str) -> str:
    """How a number becomes a truth."""
    if name == "ret":
        return f"`ret({value} != 0)` tells whether it is one"
    return f"`cast({value}, Bool)` if it is 1 or 0"


def _check_address(name: str, parameter: Parameter, value: PlaceAddress | AddressOperand) -> None:
    if isinstance(value, PlaceAddress):
        fits = address_fits(parameter.type, value._place._kind, value._kind)
        got = f"{value._text()}: {value._kind!r}"
    else:
        assert value.target is not None
        fits = address_fits(parameter.type, value.target)
        got = f"address_of({value.name}), of a {value.target!r}"
    if not fits:
        raise _misfit(name, parameter, got)


def _misfit(name: str, parameter: Parameter, got: str, fix: str = "") -> CallMistake:
    return CallMistake(
        f"`{parameter.name}` of `{name}` does not take this",
        expected=f"{parameter.name}: {parameter.type!r}",
        got=got,
        fix=fix,
    )
