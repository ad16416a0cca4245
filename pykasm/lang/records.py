"""Records of different lengths, one behind the other: `records`."""

from __future__ import annotations

from contextlib import AbstractContextManager
from operator import attrgetter
from typing import Any, TypeVar
from typing import cast as typing_cast

from pykasm.errors import RegisterMistake, TypeMistake, ValueRangeMistake
from pykasm.isa.registers import WORD
from pykasm.lang.builder import emit
from pykasm.lang.loops import Loop
from pykasm.lang.moves import registers_in
from pykasm.lang.numbers import U32, U64, Integer
from pykasm.lang.operand import Operand, described
from pykasm.lang.operands import RegisterOperand
from pykasm.lang.places import PlaceAddress
from pykasm.lang.registers import rax
from pykasm.lang.roles import keep, release
from pykasm.lang.structs import is_struct
from pykasm.lang.types import Ptr, Void
from pykasm.lang.views import memory

T = TypeVar("T")


class _Records(Loop):
    """Goes from record to record; `next` is where the one behind the present one lies."""

    def __init__(
        self, first: Any, end: Any, length: str | Any, align: int, place: Any, kind: Any
    ) -> None:
        super().__init__("records")
        self.limit, self.length = end, length
        self.align, self.kind, self.place_in = align, kind, place
        self.record = place(first)  # here, not in `__enter__`: Python knows the name behind `as`

    def __enter__(self) -> Any:
        self.next = self.place_in(U64)
        super().__enter__()
        return self.record

    def begin(self) -> None:
        """Begin a round: leave the loop unless a whole record lies before the end."""
        super().begin()
        emit("lea" if isinstance(self.limit, PlaceAddress) else "mov", rax, self.limit)
        emit("sub", rax, self._address)  # what is left; behind the end, all sums could wrap around
        emit("jb", self.done)
        if isinstance(self.length, int):
            self._leave_if_less(rax, int(self.length))
            emit("lea", self.next, memory(Void, self._address + int(self.length)))
            return
        self._leave_if_less(rax, self.kind._size)  # else its length could not be read
        self._load_length()
        self._leave_if_less(self.next, self.kind._size)  # 0 would lead here for ever
        self._leave_if_less(rax, self.next)
        emit("add", self.next, self._address)

    def _leave_if_less(self, number: Any, least: Any) -> None:
        emit("cmp", number, least)
        emit("jb", self.done)

    @property
    def _address(self) -> RegisterOperand:
        made: RegisterOperand = self.record._seen_as(U64)
        return made

    def _load_length(self) -> None:
        length = self.length
        if isinstance(length, str):
            length = attrgetter(length)(self.record)
        size = length._kind._size
        target = self.next if size == U64._size else self.next._seen_as(U32)
        emit("mov" if size >= WORD else "movzx", target, length)

    def repeat(self) -> None:
        """Go on to the next record."""
        if self.align > 1:
            emit("add", self.next, self.align - 1)
            emit("and", self.next, -self.align)
        emit("mov", self._address, self.next)
        super().repeat()

    def end(self) -> None:
        """End the loop, and let its registers be handed out again."""
        super().end()
        release(self.record, self.next)


def records(
    first: Ptr[T],
    end: object,
    length: object = "length",
    align: int = 1,
    place: Any = keep,
) -> AbstractContextManager[Ptr[T]]:
    """Run the block for each of the records that lie from `first` on, up to `end`.

    The block gets the address of each, in a register from `place`, `keep` or `scratch`. `length`
    names the field of a record that has its bytes, all of them; or is a number or an operand, where
    all have as many. What is shorter than its type, of which 0 is one case, or not whole before the
    `end`, ends the loop. `align`: what a record begins at a multiple of. Changes rax.
    """
    kind = getattr(getattr(first, "_kind", None), "_target", None)
    if not isinstance(first, Operand | PlaceAddress) or kind is None or not kind._size:
        raise TypeMistake(
            "`records` begins at a record",
            expected="a pointer to a type that has a size",
            got=f"{described(first)}: {first._kind!r}"
            if isinstance(first, Operand)
            else described(first),
        )
    _check_end(end)
    _check_length(kind, length)
    if not isinstance(align, int) or align < 1 or align & (align - 1):
        raise ValueRangeMistake(
            "an alignment is a power of two", expected="1, 2, 4, 8 …", got=described(align)
        )
    made = _Records(first, end, length, align, place, kind)
    return typing_cast(AbstractContextManager[Ptr[T]], made)


def _check_end(end: Any) -> None:
    if not isinstance(end, Operand | PlaceAddress):
        raise TypeMistake(
            "`records` ends at an address",
            expected="a register or memory of 64 bits, or `address_of(…)`",
            got=described(end),
        )
    if isinstance(end, Operand):
        size = end._register.size if isinstance(end, RegisterOperand) else end._kind._size
        if size != U64._size:
            raise TypeMistake(
                "`records` ends at an address",
                expected="a register or memory of 64 bits, or `address_of(…)`",
                got=f"{described(end)}: {end._kind!r}",
            )
    _check_untouched("end", end)


def _check_untouched(name: str, value: Any) -> None:
    if any(one.number == rax._register.number for one in registers_in(value)):
        raise RegisterMistake(
            f"`records` changes rax, which its `{name}` needs",
            expected=f"`{name}` in a register that it leaves alone",
            got=described(value),
            fix="`keep(…)` puts a copy into another register",
        )


def _check_length(kind: Any, length: object) -> None:
    if isinstance(length, str):
        field = kind
        for name in length.split("."):
            if not is_struct(field):
                raise TypeMistake(
                    f"`{kind!r}` has no length at `{length}`",
                    expected="the path to a field of a struct",
                    got=f"{field!r}",
                )
            field = field._field(name).type
        _check_number(f"{kind!r}.{length}", field)
    elif isinstance(length, int):
        if length < kind._size:
            raise ValueRangeMistake(
                f"a `{kind!r}` is longer than {length} bytes",
                expected=f"at least {kind._size}",
                got=str(length),
            )
    elif isinstance(length, Operand):
        _check_number(described(length), length._kind)
        _check_untouched("length", length)
    else:
        raise TypeMistake(
            "`records` has to know how long a record is",
            expected="the name of a field, a number, a register or memory",
            got=described(length),
        )


def _check_number(name: str, kind: Any) -> None:
    if not issubclass(kind, Integer) or kind._signed:
        raise TypeMistake(
            f"`{name}` is no number of bytes",
            expected="U8, U16, U32 or U64",
            got=repr(kind),
        )
