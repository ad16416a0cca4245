"""Data: where it lives, its type, its initial value."""

from __future__ import annotations

from collections.abc import Callable, Container
from enum import Enum
from types import FunctionType, MethodType
from typing import Any, NamedTuple, Never, TypeVar
from typing import cast as typing_cast

from pykasm.errors import DeclarationMistake, PlaceMistake, TypeMistake, ValueRangeMistake
from pykasm.isa.code import Label
from pykasm.isa.registers import REGISTERS
from pykasm.lang.bitfields import packed_bits
from pykasm.lang.builder import current, is_building
from pykasm.lang.codemodel import VIRTUAL_BASE
from pykasm.lang.field import check_alignment, lockless
from pykasm.lang.fitting import address_fits, described, function_fits, signature_behind
from pykasm.lang.hints import hint_for, shown_value
from pykasm.lang.instances import check_instance
from pykasm.lang.links import is_list, unlinked, with_elements
from pykasm.lang.namedvalues import check_value
from pykasm.lang.numbers import U8, U64, byte_order, numbers_of
from pykasm.lang.operand import Operand
from pykasm.lang.operands import MemoryOperand
from pykasm.lang.places import place_address
from pykasm.lang.reference import SymbolReference
from pykasm.lang.structs import Struct, StructMeta, is_struct
from pykasm.lang.symbolic import AddressOperand, BranchOperand, FarOperand
from pykasm.lang.types import (
    POINTER_SIZE,
    Array,
    Fn,
    Ptr,
    TypeMeta,
    is_function_pointer,
    is_known,
    is_pointer,
    name_of,
    plain,
)
from pykasm.source import Moment, author_moment

T = TypeVar("T")


class Storage(Enum):
    """Where data lives; the value is the first part of its section's name."""

    BSS = ".bss"
    DATA = ".data"
    RODATA = ".rodata"
    PERCPU = ".percpu"
    INIT = ".init.data"
    BOOT = ".boot.data"
    HEADER = ".multiboot2"
    NOTE = ".note.pvh"


FOR_LOADERS = (Storage.HEADER, Storage.NOTE)
"""What boot loaders look for by themselves."""


class Data(MemoryOperand):
    """A datum with a symbol; as an operand it is the memory it lives in.

    Its name is the path of attributes to it from its subsystem; a class attribute is one datum
    for each instance of the class.
    """

    __slots__ = (
        *("_alignment", "_guard", "_initial", "_moment", "_storage", "_symbol"),
        "_unlocked_reads",
    )

    def __init__(
        self, storage: Storage, kind: TypeMeta, initial: object, align: int, symbol: str = ""
    ) -> None:
        segment = REGISTERS["gs"] if storage is Storage.PERCPU else None
        reference = SymbolReference(self._symbol_name)
        super().__init__(kind, reference=reference, segment=segment)
        self._storage = storage
        self._initial = initial
        self._alignment = max(align, kind._align)
        self._symbol = symbol
        self._guard: object = None
        self._unlocked_reads = False
        self._moment: Moment | None = author_moment()

    def _symbol_name(self) -> str:
        if not self._symbol:
            raise DeclarationMistake(
                "this datum belongs to no subsystem of the image",
                expected="an attribute of a subsystem or of a component inside one",
                got=f"{self._kind!r} in {self._storage.value}",
                fix="keep it in `self`, and list the subsystem in the image",
                span=self._moment.span if self._moment else None,
            )
        check_instance(self._symbol, self, self._symbol)
        return self._symbol

    @property
    def _is_physical(self) -> bool:
        return self._storage in (Storage.BOOT, Storage.HEADER, Storage.NOTE)

    def _text(self) -> str:
        return self._symbol or self._kind.__name__

    def _clone(self) -> Data:
        made = Data(self._storage, self._kind, self._initial, self._alignment)
        made._guard = self._guard
        made._unlocked_reads = self._unlocked_reads
        made._moment = self._moment
        return made


def _declared(
    storage: Storage,
    kind: object,
    initial: object,
    align: int,
    guard: object = None,
    elements: str = "",
    unlocked_reads: bool = False,
) -> Any:
    if not isinstance(kind, TypeMeta) or not is_known(kind):
        raise DeclarationMistake(
            "data needs a type",
            expected="a type such as U32, `Gate * 256` or a Struct",
            got=repr(kind),
        )
    check_alignment(align)
    if is_list(kind):
        kind = with_elements(kind, _stated(elements), True, "a datum")
    if unlocked_reads and guard is None:
        raise lockless("the datum", "bss(…, guarded_by=…, unlocked_reads=True)")
    made = Data(storage, kind, initial, align)
    made._guard = guard
    made._unlocked_reads = unlocked_reads
    return made


def _stated(elements: str) -> str:
    """`elements`, what somebody has to say of a list that is a datum."""
    if not elements:
        raise DeclarationMistake(
            "this list does not say what is in it",
            expected='`elements=` with the field that links its elements: `elements="Thread.link"`',
            got="none",
        )
    return elements


def bss(
    kind: type[T],
    *initial: Never,
    align: int = 1,
    guarded_by: object = None,
    unlocked_reads: bool = False,
    elements: str = "",
) -> T:
    """Zeroed data that takes no room in the image.

    `guarded_by`: the lock that must be held to touch it, as a component, or as the name of an
    attribute beside the datum. `unlocked_reads`: only who writes holds the lock; who reads may find
    that it has just changed. `elements`: of a list, the field that links what is in it, such as
    `Thread.link`.
    """
    if initial:
        raise DeclarationMistake(
            "`bss` is for data that is zero at the start",
            expected=f"`bss({name_of(kind)})`",
            got=f"the value {shown_value(initial[0])}",
            fix=f"`data({name_of(kind)}, {shown_value(initial[0])})` has a value",
        )
    return typing_cast(
        T, _declared(Storage.BSS, kind, None, align, guarded_by, elements, unlocked_reads)
    )


def data(
    kind: type[T],
    initial: object,
    *,
    align: int = 1,
    guarded_by: object = None,
    unlocked_reads: bool = False,
) -> T:
    """Data that starts with a value and may be written. `guarded_by` and `unlocked_reads` as for
    `bss`."""
    made = _declared(Storage.DATA, kind, initial, align, guarded_by, "", unlocked_reads)
    return typing_cast(T, made)


def rodata(kind: type[T], value: object, *, align: int = 1) -> T:
    """Data that is never written: its page is read-only."""
    return typing_cast(T, _declared(Storage.RODATA, kind, value, align))


def percpu(kind: type[T], initial: object = None, *, align: int = 1) -> T:
    """A variable of which each processor has its own, reached through GS in one instruction."""
    return typing_cast(T, _declared(Storage.PERCPU, kind, initial, align))


def init(kind: type[T], initial: object = None, *, align: int = 1) -> T:
    """Data that only starting up uses; its memory is given back afterwards."""
    return typing_cast(T, _declared(Storage.INIT, kind, initial, align))


def boot(kind: type[T], initial: object = None, *, align: int = 1) -> T:
    """Data that code before paging uses: linked at its physical address."""
    return typing_cast(T, _declared(Storage.BOOT, kind, initial, align))


def header(kind: type[T], value: object, *, align: int = 1) -> T:
    """What a boot loader searches the first part of the file for, such as a Multiboot2 header."""
    return typing_cast(T, _declared(Storage.HEADER, kind, value, align))


def note(kind: type[T], value: object, *, align: int = 4) -> T:
    """An ELF note (System V ABI, chapter 5), which tells a loader something about the image."""
    return typing_cast(T, _declared(Storage.NOTE, kind, value, align))


class LabelAddress(NamedTuple):
    """The address of `label` inside the routine `symbol`, as an initial value."""

    symbol: str
    label: Label


class DataReference(NamedTuple):
    """A pointer in initialised data: `size` bytes at `offset` take the address of `target`. `kind`
    is the type of a pointer to functions, None of others."""

    offset: int
    size: int
    target: str | LabelAddress
    addend: int
    kind: TypeMeta | None = None


class Packer:
    """Turns initial values into bytes and references.

    `string` makes read-only data of a text and gives its symbol's reference. Where it is not
    `strict`, numbers without a name are taken for named values, and -1 for all bits.
    """

    def __init__(self, string: Callable[[str], SymbolReference], strict: bool = True) -> None:
        self.string = string
        self.strict = strict
        self.references: list[DataReference] = []
        self.bytes = bytearray()

    def pack(
        self,
        kind: TypeMeta,
        value: object,
        offset: int = 0,
        values: type[Enum] | None = None,
    ) -> None:
        """Put `value`, a `kind` with the names of `values`, at `offset` bytes."""
        missing = offset + kind._size - len(self.bytes)
        self.bytes += bytes(max(0, missing))
        if value is None:
            return
        if is_struct(kind):
            self._struct(typing_cast(StructMeta, kind), value, offset)
        elif _is_array(kind):
            self._array(kind, value, offset)
        elif isinstance(value, int):
            if values is not None and self.strict:
                check_value(values, value, f"this {kind!r}")
            self._number(kind, value, offset)
        else:
            self._address(kind, value, offset)

    def _struct(self, kind: StructMeta, value: object, offset: int) -> None:
        values = value._given if isinstance(value, Struct) else value
        if not isinstance(values, dict) or (
            isinstance(value, Struct) and type(value) is not unlinked(kind)
        ):
            raise _wrong_value(kind, value, f"`{kind.__name__}(field=…)`")
        for name, one in values.items():
            found = kind._field(name)
            if found.bits and isinstance(one, dict):
                one = packed_bits(found, one)
            self.pack(found.type, one, offset + found.offset, found.values)

    def _array(self, kind: Any, value: object, offset: int) -> None:
        element = kind._element
        if isinstance(value, str):
            value = value.encode()
        if not isinstance(value, list | tuple | bytes | bytearray):
            raise _wrong_value(kind, value, "a list, a tuple, or bytes")
        if kind._count is None:  # as many as there are
            missing = offset + len(value) * element._size - len(self.bytes)
            self.bytes += bytes(max(0, missing))
        elif len(value) > kind._count:
            raise _wrong_value(kind, value, f"at most {kind._count} elements")
        if element is U8 and isinstance(value, bytes | bytearray):
            self.bytes[offset : offset + len(value)] = value
            return
        for number, one in enumerate(value):
            self.pack(element, one, offset + number * element._size)

    def _number(self, kind: TypeMeta, value: int, offset: int) -> None:
        size, numbers = kind._size, numbers_of(kind)
        if is_pointer(kind) and isinstance(value, Enum):
            raise _wrong_value(kind, value, "an address")
        wraps = not self.strict and 0 < -value <= (numbers[-1] + 1) // 2
        if int(value) not in numbers and not wraps:
            raise ValueRangeMistake(
                f"{int(value):#x} does not fit a {kind!r}",
                expected=f"{numbers[0]:#x} to {numbers[-1]:#x}",
                got=f"{int(value):#x}",
            )
        self.bytes[offset : offset + size] = (value % (1 << (size * 8))).to_bytes(
            size, byte_order(kind)
        )

    def _address(self, kind: TypeMeta, value: object, offset: int) -> None:
        if kind._size not in (4, POINTER_SIZE) or kind._host is not None:
            raise _wrong_value(kind, value, "a number")
        if isinstance(value, LabelAddress):
            self.references.append(DataReference(offset, kind._size, value, 0))
            return
        self._check_target(kind, value)
        reference = self._reference(kind, value)
        if issubclass(kind, Fn) and reference.addend:
            raise _wrong_value(kind, value, "the start of a function", "a place inside one")
        signature = signature_behind(value)
        if signature is not None and not function_fits(kind, signature):
            raise _wrong_value(kind, value, "a function of that type", described(signature))
        target = reference._target()
        assert isinstance(target, str)
        function = plain(kind) if is_function_pointer(kind) else None
        self.references.append(
            DataReference(offset, kind._size, target, reference.addend, function)
        )

    def _check_target(self, kind: TypeMeta, value: object) -> None:
        """Raise a mistake where a `kind` does not point to what `value` is the address of."""
        target: TypeMeta | None = None
        got = ""
        if isinstance(value, str):
            target, got = U8, "a text"
        elif isinstance(value, MemoryOperand):
            target, got = value._kind, f"{value._text()}: {value._kind!r}"
            if value._segment is not None and is_pointer(kind):
                raise _wrong_value(kind, value, "a place that no segment belongs to")
        elif isinstance(value, AddressOperand):
            target, got = value.target, f"address_of({value.name}), of a {value.target!r}"
        if target is not None and is_pointer(kind) and not address_fits(kind, target):
            raise _wrong_value(kind, value, f"what a {kind!r} points to", got)

    def _reference(self, kind: TypeMeta, value: object) -> SymbolReference:
        if isinstance(value, str) and is_pointer(kind):
            return self.string(value)
        if isinstance(value, AddressOperand | BranchOperand):
            return value.reference
        if isinstance(value, MemoryOperand) and value._reference is not None and _is_fixed(value):
            return value._reference
        found = getattr(value, "_symbol_reference", None)
        if isinstance(found, SymbolReference):
            return found
        raise _wrong_value(kind, value, "a number, data, a function, or `address_of(…)`")


def _is_array(kind: TypeMeta) -> bool:
    return issubclass(kind, Array)


def _wrong_value(kind: TypeMeta, value: object, expected: str, got: str = "") -> TypeMistake:
    got = got or (value._text() if isinstance(value, Operand) else shown_value(value))
    fix = hint_for(value) if isinstance(value, MethodType | FunctionType) else ""
    what = f"this can't be the value of a {kind!r}"
    return TypeMistake(what, expected=expected, got=got[:80], fix=fix)


def symbol_reference(value: object, word: str) -> tuple[SymbolReference, str]:
    """The symbol that `value` (data, a part of it, a function, a label) has, and its name."""
    if isinstance(value, Label):
        return SymbolReference(value), value.name
    if isinstance(value, BranchOperand):
        return value.reference, value.name
    if isinstance(value, MemoryOperand) and value._reference is not None and _is_fixed(value):
        return value._reference, value._text()
    found = getattr(value, "_symbol_reference", None)
    if isinstance(found, SymbolReference):
        return found, getattr(value, "_label", "")
    raise TypeMistake(
        f"`{word}` takes something with a symbol",
        expected="data, a function or a label",
        got=value._text() if isinstance(value, Operand) else shown_value(value),
        fix=hint_for(value),
    )


def address_of(value: object) -> Any:
    """The address of data, of a function, or of any place in memory.

    What has a symbol has an address for instructions, calls and initial values. That of another
    place is computed where it is needed: as an argument, a result, or the value of a role.
    """
    if isinstance(value, MemoryOperand) and not _is_fixed(value):
        return place_address(value)
    reference, name = symbol_reference(value, "address_of")
    target = value._kind if isinstance(value, MemoryOperand) and value._segment is None else None
    return AddressOperand(reference, 4 if current_bits() != 16 else 2, name, target, value)


def _is_fixed(place: MemoryOperand) -> bool:
    """Whether the linker knows where `place` is."""
    return place._reference is not None and place._base is None and place._index is None


def physical(value: object) -> Any:
    """The physical address of something in the kernel's image, for code that runs before paging.

    `mov(eax, physical(self.table))` takes the address, `u32[physical(self.table)]` the memory.
    """
    reference, name = symbol_reference(value, "physical")
    if getattr(getattr(reference.symbol, "__self__", None), "_is_physical", False):
        raise PlaceMistake(
            f"`{name}` is linked at its physical address already",
            expected="something that is linked at an address of the kernel's",
            got="a header, a note, or what is declared with `boot`",
            fix="`address_of`, or the name itself for the memory",
        )
    distance = (1 << 64) - VIRTUAL_BASE  # down by the base; addends are signed and wrap
    return AddressOperand(reference._plus(distance), 4, f"physical({name})")


def far(selector: int, place: object, size: int | None = None) -> Any:
    """`selector:place`, the target of a far jump or call in 16- and 32-bit code.

    The offset has `size` bytes, 2 or 4; those of the code's own width if left out. 16-bit code
    leaves for 32-bit code anywhere with 4.
    """
    reference, name = symbol_reference(place, "far")
    _check_far(selector, range(1 << 16), "a selector is a number of 16 bits", "0 to 65535")
    offset_size = size or min(current_bits() // 8, 4)
    _check_far(offset_size, (2, 4), "the offset of a far pointer has 2 or 4 bytes", "2 or 4")
    return FarOperand(int(selector), reference, offset_size, name)


def _check_far(value: object, allowed: Container[object], what: str, expected: str) -> None:
    """Raise a mistake if `value` is no part of a far pointer (AMD64 APM vol. 3, "JMP (Far)")."""
    if not isinstance(value, int) or value not in allowed:
        raise ValueRangeMistake(what, expected=expected, got=shown_value(value))


def current_bits() -> int:
    """The width of the code being written; 64 outside of code."""
    return current().bits if is_building() else 64


def symbol(name: str) -> Any:
    """A symbol that the linker script defines, such as `bss_end`; see `address_of`."""
    if not isinstance(name, str) or name.split() != [name]:
        raise TypeMistake(
            "`symbol` takes the name of one", expected='`symbol("bss_end")`', got=repr(name)
        )
    return BranchOperand(SymbolReference(lambda: name), name)


def jump_table(owner: str, targets: list[Label]) -> Data:
    """A read-only table of the addresses of labels in the routine `owner`."""
    slots = [LabelAddress(owner, target) for target in targets]
    made = Data(Storage.RODATA, U64 * len(slots), slots, POINTER_SIZE)
    current("switch").unit.adopt(made, "cases")
    return made


def text(value: str) -> Ptr[U8]:
    """The address of `value` as read-only bytes, UTF-8, with a zero at the end."""
    if not isinstance(value, str):
        raise TypeMistake("`text` takes a string", expected='`text("…")`', got=repr(value))
    reference = current("text").unit.string(value)
    made: Any = AddressOperand(reference, 4, repr(value))
    return typing_cast(Ptr[U8], made)
