"""The VGA's text screen: 25 rows of 80 characters (IBM VGA Technical Reference, 1992)."""

from __future__ import annotations

from enum import IntEnum

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


class TextScreen(Subsystem):
    """The text screen, silent until `start` has found a VGA in text mode.

    `cells` is the virtual address of the text buffer. No function here takes a lock: the console
    serialises output.
    """

    enabled = bss(U8)
    attribute = data(U8, NORMAL)
    row = bss(U32)
    column = bss(U32)

    def __init__(self, cells: int) -> None:
        self.cells = data(Ptr[U16], cells)

    @function
    def start(self) -> None:
        """Clear the screen, if there is one in text mode; under UEFI there is none.

        The text buffer must be mapped.
        """
        mov(edx, VgaPort.GRAPHICS)
        mov(al, MISCELLANEOUS)
        out(dx, al)
        inc(edx)
        in_(al, dx)
        and_(al, GRAPHICS_MODE | MEMORY_MAP)
        with if_(al == MEMORY_MAP_B8000):  # without a VGA, all bits read as 1
            mov(self.enabled, 1)
            self._clear_rows(0)
            tail(self.show_cursor)

    @function
    def write_byte(self, byte: U8) -> None:
        """Show a character, or move the cursor for `\\n`, `\\r` and `\\b`; the bell is silent."""
        with if_(self.enabled == 0):
            ret()
        movzx(eax, byte)
        with switch(eax):
            with case(ord("\n")):
                mov(self.column, 0)
                inc(self.row)
            with case(ord("\r")):
                mov(self.column, 0)
            with case(ord("\b")):
                tail(self._move_back)
            with case(ord("\a")):
                pass
            with default():
                self._put_character(byte)
        with if_(self.row == ROWS):
            tail(self._scroll)

    @function
    def set_colour(self, foreground: U8) -> None:
        """Set the colour of the text to come, a `Colour` on black."""
        mov(self.attribute, foreground)

    @function
    def show_cursor(self) -> None:
        """Move the hardware's cursor to where the next character goes."""
        with if_(self.enabled == 0):
            ret()
        position = self._cursor()
        mov(ecx, position)
        self._write_crt(CrtRegister.CURSOR_LOW)
        shr(ecx, 8)
        self._write_crt(CrtRegister.CURSOR_HIGH)

    @function
    def _put_character(self, character: Keep[U8]) -> None:
        """Write `character` to the cell at the cursor, and move the cursor on by one cell."""
        position = self._cursor()
        mov(ch, self.attribute)
        mov(cl, character)
        target = scratch(self.cells)
        mov(target[position], cx)
        inc(self.column)
        with if_(self.column == COLUMNS):
            mov(self.column, 0)
            inc(self.row)

    @function
    def _move_back(self) -> None:
        """Move the cursor back by one cell, from the start of a row to the end of the one above."""
        with if_(self.column != 0):
            dec(self.column)
        with elif_(self.row != 0):
            dec(self.row)
            mov(self.column, COLUMNS - 1)

    @function
    def _scroll(self) -> None:
        """Move all rows up by one; the top one is lost, and the last one becomes blank."""
        # Upwards by ascending addresses, as DF is clear: each cell is read before it is written.
        mov(rdi, self.cells)
        lea(rsi, bare[rdi + COLUMNS * CELL])
        mov(ecx, COLUMNS * (ROWS - 1) * CELL // sizeof(U64))
        rep.movsq()
        dec(self.row)
        tail(self._clear_rows, ROWS - 1)

    @function
    def _clear_rows(self, first: U32) -> None:
        """Fill the rows from `first` to the last one with blanks."""
        mov(eax, ROWS)
        sub(eax, first)
        imul(ecx, eax, COLUMNS)
        imul(edi, first, COLUMNS * CELL)
        add(rdi, self.cells)
        mov(eax, BLANK)
        rep.stosw()

    @function
    def _cursor(self) -> U32:
        """Return the number of the cell at the cursor, counted from the top left one."""
        imul(eax, self.row, COLUMNS)
        add(eax, self.column)
        ret(eax)

    @inline(changes=(rax, rdx))
    def _write_crt(self, register: CrtRegister) -> None:
        """Set a register of the CRT controller to cl."""
        mov(edx, VgaPort.CRT)
        mov(al, register)
        out(dx, al)
        inc(edx)
        mov(al, cl)
        out(dx, al)
