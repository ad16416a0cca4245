"""`.debug_abbrev`: the shapes of debugging information entries (DWARF 5, 7.5.3)."""

from __future__ import annotations

from functools import lru_cache
from typing import ClassVar

from pykasm.objects.dwarf import Attribute as At
from pykasm.objects.dwarf import Form, Tag
from pykasm.objects.leb128 import unsigned
from pykasm.objects.model import Section, SectionFlags


class Shape:
    """A kind of entry: its tag, whether entries follow inside it, its attributes in order."""

    all: ClassVar[list[Shape]] = []

    def __init__(self, tag: Tag, *attributes: tuple[At, Form], children: bool = False) -> None:
        self.tag = tag
        self.attributes = attributes
        self.children = children
        self.all.append(self)
        self.code = len(self.all)  # 0 ends a list of entries


_NAME = (At.NAME, Form.STRP)
_TYPE = (At.TYPE, Form.REF4)
_SIZE = (At.BYTE_SIZE, Form.UDATA)
_DECLARED = ((At.DECL_FILE, Form.UDATA), (At.DECL_LINE, Form.UDATA))
_UNIT = (
    (At.PRODUCER, Form.STRP),
    (At.LANGUAGE, Form.DATA1),
    _NAME,
    (At.COMP_DIR, Form.STRP),
    (At.STMT_LIST, Form.SEC_OFFSET),
)
_FUNCTION = (
    _NAME,
    *_DECLARED,
    (At.EXTERNAL, Form.FLAG),
    (At.LOW_PC, Form.ADDR),
    (At.HIGH_PC, Form.UDATA),
    (At.FRAME_BASE, Form.EXPRLOC),
    (At.PROTOTYPED, Form.FLAG_PRESENT),
)
_CODE = ((At.LOW_PC, Form.ADDR), (At.RANGES, Form.SEC_OFFSET))
_PLACED = ((At.NAME, Form.STRING), _TYPE, (At.LOCATION, Form.SEC_OFFSET))

DATA_UNIT = Shape(Tag.COMPILE_UNIT, *_UNIT, children=True)
CODE_UNIT = Shape(Tag.COMPILE_UNIT, *_UNIT, *_CODE, children=True)
PROCEDURE = Shape(Tag.SUBPROGRAM, *_FUNCTION, children=True)
FUNCTION = Shape(Tag.SUBPROGRAM, *_FUNCTION, _TYPE, children=True)
PARAMETER = Shape(Tag.FORMAL_PARAMETER, *_PLACED)
VARIABLE = Shape(Tag.VARIABLE, *_PLACED)
GLOBAL = Shape(
    Tag.VARIABLE,
    _NAME,
    _TYPE,
    *_DECLARED,
    (At.EXTERNAL, Form.FLAG),
    (At.LOCATION, Form.EXPRLOC),
)
BASE_TYPE = Shape(Tag.BASE_TYPE, _NAME, _SIZE, (At.ENCODING, Form.DATA1))
BIG_ENDIAN_TYPE = Shape(
    Tag.BASE_TYPE, _NAME, _SIZE, (At.ENCODING, Form.DATA1), (At.ENDIANITY, Form.DATA1)
)
POINTER = Shape(Tag.POINTER_TYPE, _SIZE, _TYPE)
ANY_POINTER = Shape(Tag.POINTER_TYPE, _SIZE)
ARRAY = Shape(Tag.ARRAY_TYPE, _TYPE, children=True)
SUBRANGE = Shape(Tag.SUBRANGE_TYPE, (At.COUNT, Form.UDATA))
STRUCT = Shape(Tag.STRUCTURE_TYPE, _NAME, _SIZE, children=True)
UNION = Shape(Tag.UNION_TYPE, _NAME, _SIZE, children=True)
MEMBER = Shape(Tag.MEMBER, _NAME, _TYPE, (At.DATA_MEMBER_LOCATION, Form.UDATA))
OPEN_SUBRANGE = Shape(Tag.SUBRANGE_TYPE)
BITS = Shape(Tag.MEMBER, _NAME, _TYPE, (At.BIT_SIZE, Form.UDATA), (At.DATA_BIT_OFFSET, Form.UDATA))
ENUMERATION = Shape(Tag.ENUMERATION_TYPE, _NAME, _SIZE, children=True)
ENUMERATOR = Shape(Tag.ENUMERATOR, _NAME, (At.CONST_VALUE, Form.UDATA))
NEGATIVE_ENUMERATOR = Shape(Tag.ENUMERATOR, _NAME, (At.CONST_VALUE, Form.SDATA))
FUNCTION_TYPE = Shape(Tag.SUBROUTINE_TYPE, (At.PROTOTYPED, Form.FLAG_PRESENT), _TYPE, children=True)
PROCEDURE_TYPE = Shape(Tag.SUBROUTINE_TYPE, (At.PROTOTYPED, Form.FLAG_PRESENT), children=True)
PARAMETER_TYPE = Shape(Tag.FORMAL_PARAMETER, _TYPE)


def abbreviation_section() -> Section:
    """`.debug_abbrev`: all shapes under their codes."""
    return Section(".debug_abbrev", SectionFlags.NONE, data=bytearray(_abbreviations()))


@lru_cache
def _abbreviations() -> bytes:
    out = bytearray()
    for shape in Shape.all:
        out += unsigned(shape.code) + unsigned(shape.tag) + bytes((shape.children,))
        for attribute, form in shape.attributes:
            out += unsigned(attribute) + unsigned(form)
        out += bytes(2)
    return bytes(out) + bytes(1)
