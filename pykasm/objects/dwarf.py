"""Numbers of the DWARF format, version 5, section 7 (`DW_…` names without their prefix).

Version 5, because it is what GCC 12 and binutils 2.40 write by default, so that gdb, objdump,
readelf and pyelftools are all used to it, and because its location and range lists take one
relocation a list where those of version 4 take two an entry.
"""

from __future__ import annotations

from enum import IntEnum

VERSION = 5
ADDRESS_SIZE = 8


class Tag(IntEnum):
    """`DW_TAG_…` (7.5.3)."""

    ARRAY_TYPE = 0x01
    ENUMERATION_TYPE = 0x04
    FORMAL_PARAMETER = 0x05
    MEMBER = 0x0D
    POINTER_TYPE = 0x0F
    COMPILE_UNIT = 0x11
    STRUCTURE_TYPE = 0x13
    SUBROUTINE_TYPE = 0x15
    UNION_TYPE = 0x17
    SUBRANGE_TYPE = 0x21
    BASE_TYPE = 0x24
    ENUMERATOR = 0x28
    SUBPROGRAM = 0x2E
    VARIABLE = 0x34


class Attribute(IntEnum):
    """`DW_AT_…` (7.5.4)."""

    LOCATION = 0x02
    NAME = 0x03
    BYTE_SIZE = 0x0B
    BIT_SIZE = 0x0D
    STMT_LIST = 0x10
    LOW_PC = 0x11
    HIGH_PC = 0x12
    LANGUAGE = 0x13
    COMP_DIR = 0x1B
    CONST_VALUE = 0x1C
    PRODUCER = 0x25
    PROTOTYPED = 0x27
    COUNT = 0x37
    DATA_MEMBER_LOCATION = 0x38
    DECL_FILE = 0x3A
    DECL_LINE = 0x3B
    ENCODING = 0x3E
    EXTERNAL = 0x3F
    FRAME_BASE = 0x40
    TYPE = 0x49
    RANGES = 0x55
    ENDIANITY = 0x65
    DATA_BIT_OFFSET = 0x6B


class Form(IntEnum):
    """`DW_FORM_…` (7.5.6)."""

    ADDR = 0x01
    DATA4 = 0x06
    STRING = 0x08
    DATA1 = 0x0B
    FLAG = 0x0C
    SDATA = 0x0D
    STRP = 0x0E
    UDATA = 0x0F
    REF4 = 0x13
    SEC_OFFSET = 0x17
    EXPRLOC = 0x18
    FLAG_PRESENT = 0x19


class Operation(IntEnum):
    """`DW_OP_…` (7.7.1)."""

    ADDR = 0x03
    REG0 = 0x50
    BREG0 = 0x70
    REGX = 0x90
    CALL_FRAME_CFA = 0x9C


class BaseEncoding(IntEnum):
    """`DW_ATE_…` (7.8)."""

    BOOLEAN = 0x02
    FLOAT = 0x04
    SIGNED = 0x05
    UNSIGNED = 0x07
    CHAR = 0x08


class LineOpcode(IntEnum):
    """`DW_LNS_…` (7.22)."""

    EXTENDED = 0x00
    COPY = 0x01
    ADVANCE_PC = 0x02
    ADVANCE_LINE = 0x03
    SET_FILE = 0x04
    SET_PROLOGUE_END = 0x0A


class ExtendedLineOpcode(IntEnum):
    """`DW_LNE_…` (7.22)."""

    END_SEQUENCE = 0x01
    SET_ADDRESS = 0x02


class LineContent(IntEnum):
    """`DW_LNCT_…` (7.22)."""

    PATH = 0x1
    DIRECTORY_INDEX = 0x2


class LocationEntry(IntEnum):
    """`DW_LLE_…` (7.7.3)."""

    END_OF_LIST = 0x00
    OFFSET_PAIR = 0x04
    BASE_ADDRESS = 0x06


class RangeEntry(IntEnum):
    """`DW_RLE_…` (7.25)."""

    END_OF_LIST = 0x00
    START_LENGTH = 0x07


class FrameInstruction(IntEnum):
    """`DW_CFA_…` (7.24)."""

    NOP = 0x00
    ADVANCE_LOC1 = 0x02
    ADVANCE_LOC2 = 0x03
    ADVANCE_LOC4 = 0x04
    UNDEFINED = 0x07
    SAME_VALUE = 0x08
    DEF_CFA = 0x0C
    DEF_CFA_REGISTER = 0x0D
    DEF_CFA_OFFSET = 0x0E
    ADVANCE_LOC = 0x40
    OFFSET = 0x80
    RESTORE = 0xC0


UNIT_TYPE_COMPILE = 0x01
"""`DW_UT_compile` (7.5.1)."""

LANGUAGE_C11 = 0x1D
"""`DW_LANG_C11` (7.12): there is no number for this language, and gdb reads expressions as C."""

NO_CIE = 0xFFFFFFFF
"""`CIE_id` of a common information entry in `.debug_frame` (7.24)."""

_IN_ORDER = (
    *("rax", "rdx", "rcx", "rbx", "rsi", "rdi", "rbp", "rsp"),
    *(f"r{number}" for number in range(8, 16)),
    "rip",
    *(f"xmm{number}" for number in range(16)),
)

REGISTER_NUMBERS: dict[str, int] = {name: number for number, name in enumerate(_IN_ORDER)}
"""DWARF numbers of registers (System V ABI AMD64 supplement, figure 3.36)."""

REGISTER_NUMBERS |= {"rflags": 49, "cs": 51, "ss": 52}
