"""What a memory operand may be made of (AMD64 APM vol. 1, 2.2; vol. 3, 1.7)."""

from __future__ import annotations

from pykasm.errors import Mistake, OperandFormMistake, OperandSizeMistake, ValueRangeMistake
from pykasm.isa.intel import address_text
from pykasm.isa.registers import Register, RegisterKind
from pykasm.isa.statement import Address

_SCALES = (1, 2, 4, 8)
_STACK_POINTER = 4
_WORD_BASES = ("bx", "bp")
_WORD_INDEXES = ("si", "di")


def address_bits(address: Address, bits: int) -> int:
    """The width of the address that code of `bits` computes for `address`."""
    register = address.base or address.index
    if register is None or register.kind is RegisterKind.VECTOR:
        return bits
    return register.size * 8


def address_mistake(address: Address, bits: int) -> Mistake | None:
    """What is wrong with `address` in code of `bits`, or None."""
    return (
        _register_mistake(address, bits)
        or _index_mistake(address)
        or (_word_mistake(address) if address_bits(address, bits) == 16 else None)
        or _displacement_mistake(address, bits)
    )


def _register_mistake(address: Address, bits: int) -> Mistake | None:
    base, index, segment = address.base, address.index, address.segment
    if segment is not None and segment.kind is not RegisterKind.SEGMENT:
        return _form(address, "a segment register before the colon", segment.name, "")
    if base is not None and base.kind is RegisterKind.INSTRUCTION_POINTER:
        return _relative_mistake(address, bits)
    general = [r for r in (base, index) if r is not None and r.kind is not RegisterKind.VECTOR]
    for register in general:
        if register.kind is not RegisterKind.GENERAL or register.size * 8 not in _widths(bits):
            return _foreign(address, register, bits)
    if base is not None and base.kind is RegisterKind.VECTOR:
        return _foreign(address, base, bits)
    if len({register.size for register in general}) > 1:
        return OperandSizeMistake(
            f"`{address_text(address)}` mixes registers of two widths",
            expected="base and index of the same width",
            got=f"{general[0].name} and {general[1].name}",
            fix="widen the narrower register first",
        )
    return None


def _widths(bits: int) -> tuple[int, int]:
    return (64, 32) if bits == 64 else (32, 16)


def _foreign(address: Address, register: Register, bits: int) -> Mistake:
    names = " or ".join(f"{width}-bit" for width in _widths(bits))
    return _form(address, f"{names} general-purpose registers in {bits}-bit code", register.name)


def _relative_mistake(address: Address, bits: int) -> Mistake | None:
    if address.index is not None:
        fix = "`lea` the address into a register first, then index that"
        return _form(address, f"{address.base} with a displacement only", "an index", fix)
    if bits != 64:
        return _form(address, f"an absolute address in {bits}-bit code", f"{address.base}")
    return None


def _index_mistake(address: Address) -> Mistake | None:
    index = address.index
    if address.scale not in _SCALES:
        return _form(address, "a scale of 1, 2, 4 or 8", str(address.scale))
    if index is None:
        if address.scale != 1:
            return _form(address, "an index register with the scale", "a scale alone")
        return None
    if index.kind is RegisterKind.GENERAL and index.number == _STACK_POINTER and index.size != 2:
        fix = f"make {index} the base" if address.scale == 1 else f"copy {index} first"
        return _form(address, "an index other than the stack pointer", index.name, fix)
    return None


def _word_mistake(address: Address) -> Mistake | None:
    names = [r.name for r in (address.base, address.index) if r is not None]
    single = len(names) == 1 and names[0] in _WORD_BASES + _WORD_INDEXES
    pair = len(names) == 2 and any(n in _WORD_BASES for n in names)
    pair = pair and any(n in _WORD_INDEXES for n in names)
    if address.scale == 1 and (single or pair or not names):
        return None
    expected = "[bx or bp + si or di + displacement], a part of it, or 32-bit registers"
    return _form(address, expected, f"[{' + '.join(names)}]")


def _displacement_mistake(address: Address, bits: int) -> Mistake | None:
    width = address_bits(address, bits)
    value = address.displacement
    if address.symbolic:
        if value == 0:
            return None
        fix = "put the distance from the symbol into the reference's addend"
        return _form(address, "no displacement beside a symbol", hex(value), fix)
    if width == 64 and not _is_absolute(address):
        low, high = -(1 << 31), (1 << 31) - 1
    else:
        low, high = -(1 << width - 1), (1 << width) - 1
    if low <= value <= high or (width == 64 and fits_signed_32(value)):
        return None
    return ValueRangeMistake(
        f"the displacement of `{address_text(address)}` does not fit its field",
        expected=f"{low:#x} … {high:#x}",
        got=hex(value),
        fix="load the address into a register first, then use that as the base",
    )


def _is_absolute(address: Address) -> bool:
    return address.base is None and address.index is None


def fits_signed_32(value: int) -> bool:
    """Whether `value`, modulo 2**64, is the sign extension of 32 bits."""
    return (value + (1 << 31)) % (1 << 64) < 1 << 32 and -(1 << 63) <= value < 1 << 64


def _form(address: Address, expected: str, got: str, fix: str = "") -> Mistake:
    what = f"the machine cannot address `{address_text(address)}`"
    return OperandFormMistake(what, expected=expected, got=got, fix=fix)
