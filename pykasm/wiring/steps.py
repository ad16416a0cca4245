"""Functions of parts in the order in which they are called, such as when a kernel starts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from pykasm.errors import WiringMistake
from pykasm.lang.decorated import refuse_options
from pykasm.lang.function import BoundFunction, Function, Outside
from pykasm.wiring.parts import Parts


class Steps:
    """What is called one after the other, as a table of contents of its own.

    A subclass lists functions in `order` by their classes (`Serial.start`) and is an entry of the
    contents; who calls them takes it by its class. The steps of parts that the image does not have
    are left out, so that all images can share an order.
    """

    order: ClassVar[tuple[Function[Any], ...]] = ()

    def __init_subclass__(cls, **options: object) -> None:
        """Refuse what is no step where it is listed, and options, which only structs have."""
        refuse_options(cls, options)
        for number, one in enumerate(cls.order):
            if not isinstance(one, Function) or one.owner is Outside:
                raise WiringMistake(
                    f"the order of `{cls.__name__}` has a step that is no code",
                    expected="functions of parts by their classes, such as `Serial.start`",
                    got=repr(one),
                )
            if one in cls.order[:number]:
                raise WiringMistake(
                    f"`{one.body.__qualname__}` is twice in the order of `{cls.__name__}`",
                    expected="each step once",
                    got=f"it is number {cls.order.index(one) + 1} and number {number + 1}",
                )

    def __init__(self, parts: Parts) -> None:
        self.functions = tuple(
            _of_part(one, parts[one.owner]) for one in self.order if one.owner in parts
        )

    def __iter__(self) -> Iterator[BoundFunction[None]]:
        return iter(self.functions)


def _of_part(function: Function[Any], part: object) -> BoundFunction[None]:
    found = getattr(part, function.name, None)
    if found is None:
        raise WiringMistake(
            f"what stands for `{function.owner.__name__}` lacks the step `{function.name}`",
            expected=f"a function `{function.name}`",
            got=f"an object of `{type(part).__name__}`",
        )
    step: BoundFunction[None] = found
    return step
