"""Subsystems: classes whose methods are code and whose attributes are data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Self

from pykasm.errors import DeclarationMistake, TypeMistake
from pykasm.lang.builder import is_building
from pykasm.lang.data import Data
from pykasm.lang.decorated import refuse_options
from pykasm.lang.function import Function
from pykasm.lang.operands import MemoryOperand
from pykasm.lang.reference import SymbolReference
from pykasm.lang.structs import Struct
from pykasm.lang.symbolic import AddressOperand


class Component:
    """A part of a subsystem that has data and emits code in place, such as a lock.

    Its data belongs to the subsystem that holds it, under the name of the attribute.
    """

    def __init_subclass__(cls, **options: Any) -> None:
        """Refuse options, which only structs have."""
        refuse_options(cls, options)

    def __new__(cls, *arguments: Any, **options: Any) -> Self:
        """Give the instance its own copy of each datum that the class declares."""
        made = super().__new__(cls)
        declared: dict[int, Data] = {}
        for owner in reversed(cls.__mro__):
            for name, value in vars(owner).items():
                if isinstance(value, Data):
                    declared[id(value)] = made.__dict__[name] = value._clone()
        for datum in declared.values():
            datum._initial = _own_value(datum._initial, made, declared)
        return made

    def __setattr__(self, name: str, value: object) -> None:
        if is_building() and isinstance(self.__dict__.get(name), Data):
            raise TypeMistake(
                f"`{name} = …` gives the Python attribute another value and emits nothing",
                expected="an instruction that writes the datum",
                got="an assignment to it in code",
                fix=f"`mov(self.{name}, …)`",
            )
        super().__setattr__(name, value)


def _own_value(value: Any, owner: Component, declared: Mapping[int, Data]) -> Any:
    """The initial value `value` of a class, with the data and the functions of `owner` in it in
    place of those that the class declares."""
    if isinstance(value, list | tuple):
        return [_own_value(one, owner, declared) for one in value]
    if isinstance(value, dict):
        return {name: _own_value(one, owner, declared) for name, one in value.items()}
    if isinstance(value, Struct):
        return type(value)(**_own_value(value._given, owner, declared))
    if isinstance(value, Function):
        return getattr(owner, value.name, value)
    if isinstance(value, Data):
        return declared.get(id(value), value)
    if isinstance(value, MemoryOperand) and value._reference is not None:
        own = _own_reference(value._reference, declared)
        return value._at(own) if own is not None else value
    if isinstance(value, AddressOperand):
        own = _own_reference(value.reference, declared)
        return replace(value, reference=own) if own is not None else value
    return value


def _own_reference(
    reference: SymbolReference, declared: Mapping[int, Data]
) -> SymbolReference | None:
    """What `reference` means for an instance, if it means a datum that its class declares."""
    datum = declared.get(id(getattr(reference.symbol, "__self__", None)))
    if datum is None or datum._reference is None:
        return None
    return datum._reference._plus(reference.addend)


class Subsystem(Component):
    """A part of the image with its own object file.

    `label` starts its symbols and names its object; it is the class's name unless it is set,
    as it must be where an image has two subsystems of one class.
    """

    label: str = ""

    def _unit_name(self) -> str:
        return self.label or type(self).__name__


def checked_subsystems(taker: str, values: object) -> list[Subsystem]:
    """`values` as a list of subsystems; a mistake of the caller of `taker` if they are none."""
    if not isinstance(values, Iterable):
        raise _no_subsystem(taker, values, f"`[{_shown(values)}]`")
    found = list(values)
    for one in found:
        if not isinstance(one, Subsystem):
            is_class = isinstance(one, type) and issubclass(one, Subsystem)
            fix = f"`{one.__name__}(…)` makes one" if is_class else ""
            owner = getattr(one, "_owner", None)
            if isinstance(owner, Subsystem):
                fix = "give the subsystem that the function belongs to"
            raise _no_subsystem(taker, one, fix)
    return found


def _no_subsystem(taker: str, value: object, fix: str) -> DeclarationMistake:
    return DeclarationMistake(
        f"`{taker}` is made of subsystems",
        expected="instances of classes that extend `Subsystem`",
        got=f"the class `{value.__name__}`" if isinstance(value, type) else _shown(value),
        fix=fix,
    )


def _shown(value: object) -> str:
    if isinstance(value, Subsystem):
        return f"a {type(value).__name__}"
    return repr(value)


def data_of(component: Component, path: str) -> Iterator[tuple[str, Data]]:
    """The data of `component` and of the components in it, with the path to each.

    What can be reached on several paths, or in a circle, is named by the first.
    """
    yield from _data_in_parts(vars(component).items(), path, {id(component)})


def _data_in_parts(
    parts: Iterable[tuple[object, object]], path: str, seen: set[int]
) -> Iterator[tuple[str, Data]]:
    for name, value in parts:
        if id(value) not in seen and isinstance(value, Data | Component | list | tuple | dict):
            seen.add(id(value))
            yield from _data_in(value, f"{path}.{str(name).strip('_')}", seen)


def _data_in(value: object, path: str, seen: set[int]) -> Iterator[tuple[str, Data]]:
    if isinstance(value, Data):
        yield path, value
    elif isinstance(value, Component) and not isinstance(value, Subsystem):
        yield from _data_in_parts(vars(value).items(), path, seen)
    elif isinstance(value, list | tuple):
        yield from _data_in_parts(enumerate(value), path, seen)
    elif isinstance(value, dict):
        yield from _data_in_parts(value.items(), path, seen)
