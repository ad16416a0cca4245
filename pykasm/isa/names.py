"""The names of instructions: which opcodes a mnemonic stands for in code of 16, 32 and 64 bits.

Names are those of the manuals and of GNU as in Intel syntax. Opcodes come from iced-x86's tables.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import cast

from iced_x86 import Code, Code_, DecoderOptions, EncodingKind, Mnemonic, OpCodeInfo

from pykasm.isa.kinds import KIND_NAMES, STRING_POINTERS

_CONDITIONS = {
    "z": "e",
    "nz": "ne",
    "c": "b",
    "nae": "b",
    "nc": "ae",
    "nb": "ae",
    "na": "be",
    "nbe": "a",
    "pe": "p",
    "po": "np",
    "nge": "l",
    "nl": "ge",
    "ng": "le",
    "nle": "g",
}

_ALIASES = {
    "fwait": "wait",
    "icebp": "int1",
    "loopnz": "loopne",
    "loopz": "loope",
    "popaw": "popa",
    "popfw": "popf",
    "pushaw": "pusha",
    "pushfw": "pushf",
    "iretw": "iret",
    "sal": "shl",
    "ud2a": "ud2",
    "xlat": "xlatb",
}

_BY_MODE = {
    "pushf": {16: "pushf", 32: "pushfd", 64: "pushfq"},
    "popf": {16: "popf", 32: "popfd", 64: "popfq"},
    "pusha": {16: "pusha", 32: "pushad"},
    "popa": {16: "popa", 32: "popad"},
    "iret": {16: "iret", 32: "iretd"},
    "sysret": {16: "sysret", 32: "sysret"},
    "sysexit": {16: "sysexit", 32: "sysexit"},
    "retf": {16: "retf", 32: "retf"},
    "retq": {64: "ret"},
    "leaveq": {64: "leave"},
}
"""Names that mean the width of the code they stand in (AMD64 APM vol. 3, PUSHF, IRET).

In 64-bit code `iret`, `retf`, `sysret` and `sysexit` have a default of 32 bits, which is hardly
ever meant: there the width must be said.
"""


def _is_far(info: OpCodeInfo) -> bool:
    text = info.instruction_string
    return "m16:" in text or "ptr16:" in text


def _is_near(info: OpCodeInfo) -> bool:
    return not _is_far(info)


def _is_wide_move(info: OpCodeInfo) -> bool:
    return any(KIND_NAMES[kind] in ("IMM64", "MEM_OFFS") for kind in info.op_kinds())


def _has_width(bits: int) -> Callable[[OpCodeInfo], bool]:
    return lambda info: info.operand_size == bits


def _is_string(info: OpCodeInfo) -> bool:
    return any(KIND_NAMES[kind] in STRING_POINTERS for kind in info.op_kinds())


_DEAD = frozenset(
    [
        *("CCS_ENCRYPT", "CCS_HASH", "MONTMUL", "UNDOC", "XSTORE", "XSTORE_ALT"),
        *("XCRYPTCBC", "XCRYPTCFB", "XCRYPTCTR", "XCRYPTECB", "XCRYPTOFB"),
        *("XSHA1", "XSHA256", "XSHA512", "XSHA512_ALT"),
        *("FDISI", "FENI", "FSETPM", "FSTPNCE ST(i)"),
        *("POP CS", "BSWAP r16", "UD0"),
    ]
)
"""VIA's PadLock, what the 8087 and 80287 alone acted on, and forms without a defined effect."""

_STRINGS = ("movs", "cmps", "stos", "lods", "scas", "ins", "outs")

_PARTS: dict[str, tuple[tuple[str, ...], Callable[[OpCodeInfo], bool]]] = {
    "jmp": (("jmp",), _is_near),
    "call": (("call",), _is_near),
    "ljmp": (("jmp",), _is_far),
    "lcall": (("call",), _is_far),
    "movabs": (("mov",), _is_wide_move),
    "retw": (("ret",), _has_width(16)),
    "sysretl": (("sysret",), _has_width(0)),
    "sysexitl": (("sysexit",), _has_width(0)),
    "retfw": (("retf",), _has_width(16)),
    "retfd": (("retf",), _has_width(32)),
    "retfq": (("retf",), _has_width(64)),
    **{name: (tuple(name + width for width in "bwdq"), _is_string) for name in _STRINGS},
}
"""Names that stand for a part of one or several mnemonics of the opcode tables."""

_SYNONYMS = {
    "lret": "retf",
    "lretq": "retfq",
}

DESCRIPTOR_TABLES = frozenset({"lgdt", "lidt", "sgdt", "sidt"})
"""Instructions of which 16-bit code has a form that drops the top 8 bits of the table's address.

Only the full form is offered, and its operand must say that it has 6 bytes, as GNU as wants it.
"""

EXPLICIT_STRINGS = frozenset(_STRINGS)
"""Names of string instructions that always come with their operands written out."""

WIDTH_IN_NAME = frozenset({"retw", "retfw", "retfd", "retfq"})
"""Names that choose an operand size which the operands do not show."""


@cache
def _opcodes() -> dict[str, list[OpCodeInfo]]:
    """Every opcode of processors that a kernel meets, by the table's own mnemonic."""
    names = {
        value: name.lower() for name, value in vars(Mnemonic).items() if isinstance(value, int)
    }
    found: dict[str, list[OpCodeInfo]] = {}
    codes = [cast(Code_, code) for code in vars(Code).values() if isinstance(code, int)]
    for info in map(OpCodeInfo, codes):
        if _is_usable(info):
            found.setdefault(names[info.mnemonic], []).append(info)
    return found


def _is_usable(info: OpCodeInfo) -> bool:
    """Leave out pseudo-opcodes and those of dead processors."""
    return (
        info.is_instruction
        and info.decoder_option == DecoderOptions.NONE
        and info.encoding != EncodingKind.MVEX
        and not info.is_reserved_nop
        and info.instruction_string not in _DEAD
    )


@cache
def _canonical() -> dict[str, str]:
    """Each further name of a mnemonic, mapped to the one that the tables know."""
    found = dict(_ALIASES)
    for family in ("j", "set", "cmov"):
        for other, condition in _CONDITIONS.items():
            found[family + other] = family + condition
    return found


def opcodes_of(bits: int, name: str) -> list[OpCodeInfo]:
    """The opcodes that mnemonic `name` stands for in code of `bits`; empty if there are none.

    Left out are the 16-bit branches in 64-bit code, which Intel's and AMD's processors read
    differently (AMD64 APM vol. 3, CALL (Near)).
    """
    found = [info for info in _all_opcodes_of(bits, name) if info.is_available_in_mode(bits)]
    if bits == 64:
        return [info for info in found if info.intel_decoder64]
    if bits == 16 and name in DESCRIPTOR_TABLES:
        return [info for info in found if info.operand_size == 32]
    return found


def _all_opcodes_of(bits: int, name: str) -> Iterator[OpCodeInfo]:
    name = _SYNONYMS.get(name, name)
    if name in _BY_MODE and bits not in _BY_MODE[name]:
        return
    name = _BY_MODE.get(name, {}).get(bits) or _canonical().get(name, name)
    mnemonics, wanted = _PARTS.get(name, ((name,), None))
    for mnemonic in mnemonics:
        for info in _opcodes().get(mnemonic, ()):
            if wanted is None or wanted(info):
                yield info


def canonical_name(name: str) -> str:
    """The name under which an encoder looks for `name`: `je` for `jz`."""
    name = _SYNONYMS.get(name, name)
    return _canonical().get(name, name)


@cache
def all_names() -> frozenset[str]:
    """Every mnemonic there is, in any mode, with its further names."""
    names = {*_opcodes(), *_canonical(), *_PARTS, *_SYNONYMS, *_BY_MODE}
    return frozenset(names)
