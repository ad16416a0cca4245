"""Whether code that was written has left Python's side of the image as it was.

Code that changes attributes, lists or tables of Python while it is written makes other code depend
on it, by what no source shows. A method that `interns` may do so, since it is asked again.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pykasm.lang.function import BoundFunction
from pykasm.lang.interning import is_interning
from pykasm.lang.subsystem import Component, Subsystem


class State:
    """The state of `subsystems`, of their components and of the `variables` of modules, when it was
    taken."""

    def __init__(
        self, subsystems: Sequence[Subsystem], variables: Mapping[str, Iterable[str]]
    ) -> None:
        self._subsystems = [one for one in subsystems if not is_interning(type(one))]
        self._variables = [(vars(sys.modules[name]), names) for name, names in variables.items()]
        self._before = self._taken()

    @property
    def is_as_it_was(self) -> bool:
        """Whether nothing has changed since."""
        return self._taken() == self._before

    def _taken(self) -> list[object]:
        modules = [[_shape(known.get(name)) for name in names] for known, names in self._variables]
        return [*map(_of_component, self._subsystems), *modules]


def _of_component(component: Component) -> dict[str, object]:
    return {
        name: _of_component(value)
        if isinstance(value, Component) and not isinstance(value, Subsystem)
        else _shape(value)
        for name, value in vars(component).items()
        if not isinstance(value, BoundFunction)  # made when they are first asked for
    }


def _shape(value: Any) -> object:
    """Changes where `value` is another one, or has other elements."""
    if isinstance(value, dict):
        return id(value), [(id(key), id(one)) for key, one in value.items()]
    if isinstance(value, set):
        return id(value), {*map(id, value)}
    if isinstance(value, list | tuple):
        return id(value), [*map(id, value)]
    return id(value)
