"""The addresses of elements of any size: `point_at`."""

from __future__ import annotations

from typing import Any

from pykasm.errors import OperandFormMistake, TypeMistake
from pykasm.lang.builder import current, emit
from pykasm.lang.operand import described
from pykasm.lang.operandchecks import learn_elements
from pykasm.lang.operands import MemoryOperand, RegisterOperand, no_elements
from pykasm.lang.places import place_address
from pykasm.lang.types import Void
from pykasm.lang.views import u64


def point_at(pointer: object, array: object, index: object) -> None:
    """Compute the address of `array[index]` in `pointer`, for elements of any size.

    `pointer` is a register of 64 bits, `array` an array in memory or a typed pointer, `index` a
    register. Clobbers flags.
    """
    place = array._pointed() if isinstance(array, RegisterOperand) else array
    if not isinstance(pointer, RegisterOperand) or not isinstance(index, RegisterOperand):
        raise OperandFormMistake(
            "`point_at` computes with registers",
            expected="`point_at(pointer, array, index)`, pointer and index in registers",
            got=f"{described(pointer)} and {described(index)}",
        )
    if isinstance(place, MemoryOperand) and place._segment is not None:
        place_address(place)  # refuses it: `lea` leaves the segment's base out
    if not isinstance(place, MemoryOperand) or place._index is not None:
        raise TypeMistake(
            f"`{described(array)}` is no array",
            expected="an array in memory, or a pointer to its first element",
            got=described(array),
        )
    learn_elements(pointer, place._kind)
    _point_at(u64(pointer), place, index)


def _point_at(pointer: Any, place: MemoryOperand, index: RegisterOperand) -> None:
    element = getattr(place._kind, "_element", place._kind)
    if element._size == 0:
        raise no_elements(place._text(), place._kind)
    if place._base is not None and place._base._register is pointer._register:
        raise OperandFormMistake(
            f"`{pointer._text()}` is needed to find the array",
            expected="another register for the element's address",
            got=f"{pointer._register.name} for both",
        )
    count = getattr(place._kind, "_count", None)
    current("point_at").note_element(f"{place._text()}[{index._text()}]", count, index)
    emit("imul", pointer, index._as_index(), element._size)
    target = place._copy(Void)
    target._index = pointer
    emit("lea", pointer, target)
