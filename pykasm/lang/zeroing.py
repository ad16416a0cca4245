"""Records full of zeros: `zero`."""

from __future__ import annotations

from typing import Any

from pykasm.errors import TypeMistake
from pykasm.lang.builder import current, emit
from pykasm.lang.instructions import rep
from pykasm.lang.operand import described
from pykasm.lang.operands import MemoryOperand, RegisterOperand
from pykasm.lang.places import place_address
from pykasm.lang.registers import eax, ecx, rdi
from pykasm.lang.structs import is_struct

_STORES = {8: "stosq", 4: "stosd", 2: "stosw", 1: "stosb"}
"""What fills units of so many bytes."""


def zero(record: Any) -> None:
    """Fill a struct with zeros: `record` is its place in memory, or a typed pointer to it.

    By `rep stosq`, or the widest that its size allows. Changes rax, rcx and rdi.
    """
    current("zero")
    place = record._pointed() if isinstance(record, RegisterOperand) else record
    if not isinstance(place, MemoryOperand) or not is_struct(place._kind):
        raise TypeMistake(
            f"`{described(record)}` is no struct",
            expected="a struct in memory, or a pointer to one in a register",
            got=described(record),
        )
    size = place._kind._size
    unit = next(one for one in _STORES if size % one == 0)
    if isinstance(record, RegisterOperand):
        emit("mov", rdi, record)
    elif place._segment is not None:
        place_address(place)  # refuses it: `rdi` does not tell the segment
    else:
        emit("lea", rdi, place)
    emit("xor", eax, eax)
    emit("mov", ecx, size // unit)
    getattr(rep, _STORES[unit])()
