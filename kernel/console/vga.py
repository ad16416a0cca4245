"""The VGA's text mode: 25 rows of 80 characters (IBM VGA Technical Reference, 1992)."""

from __future__ import annotations

from enum import IntEnum

from kernel.console.cell import COLOUR_SHIFT, GLYPH_MASK
from kernel.console.glyphs import CHARACTERS
from kernel.text.colour import NORMAL
from pykasm import *

COLUMNS, ROWS = 80, 25
TEXT_BUFFER = 0xB8000
"""Physical address of the cells in colour text modes."""

CELL = 2
"""Bytes of a cell: the character, then its attribute, background << 4 | foreground."""
BLANK = ord(" ") | NORMAL << 8


class VgaPort(IntEnum):
    """Index registers; the register they select is at the next port."""

    GRAPHICS = 0x3CE
    CRT = 0x3D4


class CrtRegister(IntEnum):
    """Registers of the CRT controller."""

    CURSOR_HIGH = 0x0E
    CURSOR_LOW = 0x0F


MISCELLANEOUS = 0x06
"""The graphics controller's register that tells text from graphics, and where memory shows."""
GRAPHICS_MODE = 1 << 0
MEMORY_MAP = 3 << 2
MEMORY_MAP_B8000 = 3 << 2


def code_of(character: str) -> int:
    """Return the number of `character` in the VGA's own font, code page 437; that of the question
    mark for what the font lacks."""
    return character.encode("cp437", "replace")[0]


class VgaText(Subsystem):
    """Shows text on a VGA in text mode.

    `cells` is the virtual address of the text buffer. No function here takes a lock: the console
    serialises output.
    """

    codes = rodata(U8 * (GLYPH_MASK + 1), bytes(map(code_of, CHARACTERS)))
    """The VGA's numbers of our glyphs."""

    def __init__(self, cells: int) -> None:
        self.cells = data(Ptr[U16], cells)

    @function
    def start(self) -> Bool:
        """Clear the screen, if there is one in text mode, and return whether there is.

        The text buffer must be mapped.
        """
        mov(edx, VgaPort.GRAPHICS)
        mov(al, MISCELLANEOUS)
        out(dx, al)
        inc(edx)
        in_(al, dx)
        and_(al, GRAPHICS_MODE | MEMORY_MAP)
        with if_(al != MEMORY_MAP_B8000):  # without a VGA, all bits read as 1
            ret(False)
        mov(rdi, self.cells)
        mov(rax, BLANK * (2**64 // 2**16 + 2**32 + 2**16 + 1))
        mov(ecx, ROWS * COLUMNS * CELL // sizeof(U64))
        rep.stosq()
        ret(True)

    @inline(changes=("cell", rax, rcx))
    def draw(self, row: U32, column: U32, cell: U32) -> None:
        """Show `cell`, a register, in `row` and `column`."""
        mov(ecx, cell)
        and_(ecx, GLYPH_MASK)
        shr(cell, COLOUR_SHIFT)
        mov(eax, cell)
        shl(eax, 8)  # to the place of the attribute
        mov(al, self.codes[rcx])
        imul(ecx, row, COLUMNS)
        add(ecx, column)
        target = scratch(self.cells)
        mov(target[rcx], ax)
        release(target)

    @function
    def show_cursor(self, row: U32, column: U32) -> None:
        """Move the hardware's cursor to `row` and `column`."""
        imul(ecx, row, COLUMNS)
        add(ecx, column)
        self._write_crt(CrtRegister.CURSOR_LOW)
        shr(ecx, 8)
        self._write_crt(CrtRegister.CURSOR_HIGH)

    @inline(changes=(rax, rdx))
    def _write_crt(self, register: CrtRegister) -> None:
        """Set a register of the CRT controller to cl."""
        mov(edx, VgaPort.CRT)
        mov(al, register)
        out(dx, al)
        inc(edx)
        mov(al, cl)
        out(dx, al)
