"""The screen: rows of text, wherever they are shown."""

from __future__ import annotations

from enum import IntEnum

from kernel.console.cell import BLANK, COLOUR_SHIFT, GLYPH_MASK, MAX_COLUMNS, MAX_ROWS, ROW_SHIFT
from kernel.console.framebuffer import Framebuffer
from kernel.console.glyphs import RANGES, Glyphs
from kernel.console.vga import COLUMNS, ROWS, VgaText
from kernel.text.colour import NORMAL
from kernel.text.utf8 import INCOMPLETE, Utf8Decoder
from pykasm import *

CELLS_AT_ONCE = sizeof(U64) // sizeof(U16)
"""Cells that are compared at once."""


FIRST_PRINTABLE, LAST_PRINTABLE = RANGES[0]
"""Characters of one byte whose glyphs are the first."""


class Display(IntEnum):
    """What shows the screen."""

    NONE = 0
    VGA = 1
    FRAMEBUFFER = 2


class TextScreen(Subsystem):
    """Rows of cells, kept in memory whether or not something shows them, so that nothing is ever
    read from a display. What changes is drawn at once, and nothing else is.

    No function here takes a lock: the console serialises output.
    """

    display = bss(U8)
    """A `Display`."""
    colour = data(U8, NORMAL)
    columns = data(U32, COLUMNS)
    rows = data(U32, ROWS)
    row = bss(U32)
    column = bss(U32)
    """Where the next character goes."""
    cursor_row = bss(U32)
    cursor_column = bss(U32)
    """Where a framebuffer shows the cursor."""
    cells = bss(U16 * ((MAX_ROWS + 1) * MAX_COLUMNS + CELLS_AT_ONCE))
    """Below the last row in use there is one that stays blank, for scrolling."""

    def __init__(
        self, glyphs: Glyphs, decoder: Utf8Decoder, vga: VgaText, framebuffer: Framebuffer
    ) -> None:
        self.glyphs = glyphs
        self.decoder = decoder
        self.vga = vga
        self.framebuffer = framebuffer

    # Displays

    @function
    def start(self) -> None:
        """Clear the screen, and show it on a VGA, if there is one in text mode."""
        self._clear_rows(0, ROWS + 1)
        with if_(self.vga.start()):
            mov(self.display, Display.VGA)
            tail(self.show_cursor)

    @function
    def open_framebuffer(self) -> None:
        """Show the screen on the framebuffer, which is prepared and mapped, from now on."""
        for count, place, shown in (
            (self.columns, self.column, self.framebuffer.columns),
            (self.rows, self.row, self.framebuffer.rows),
        ):
            mov(eax, shown)
            mov(count, eax)
            dec(eax)
            with if_(place > eax):
                mov(place, eax)
        self._clear_rows(self.rows, MAX_ROWS + 1)
        mov(self.display, Display.FRAMEBUFFER)
        self.framebuffer.clear()
        row = keep(U32)
        with for_(row, 0, self.rows):
            self._draw_row(row)
        tail(self.show_cursor)

    @function
    def close(self) -> None:
        """Show the screen nowhere."""
        mov(self.display, Display.NONE)

    @inline
    def has_framebuffer(self) -> Condition:
        """Return the condition that a framebuffer shows the screen."""
        return self.display == Display.FRAMEBUFFER

    @inline
    def is_shown(self) -> Condition:
        """Return the condition that something shows the screen."""
        return self.display != Display.NONE

    @function
    def _draw_row(self, row: Keep[U32]) -> None:
        """Draw the cells of `row` that are not blank, on a display where all are."""
        cell, column = keep(Ptr[U16]), keep(U32)
        self._point_at(cell, row)
        with for_(column, 0, self.columns):
            movzx(edx, at(cell))
            with if_(edx & GLYPH_MASK):
                self._draw(row, column, edx)
            add(cell, sizeof(U16))

    @inline(changes=("cell", *CALLER_SAVED))
    def _draw(self, row: U32, column: U32, cell: U32) -> None:
        """Show `cell`, a register, in `row` and `column`, where something shows cells."""
        with if_(self.display == Display.VGA):
            self.vga.draw(row, column, cell)
        with elif_(self.display == Display.FRAMEBUFFER):
            self.framebuffer.draw(row, column, cell)

    @function
    def show_cursor(self) -> None:
        """Show where the next character goes."""
        with if_(self.display == Display.VGA):
            tail(self.vga.show_cursor, self.row, self.column)
        with if_(self.display == Display.FRAMEBUFFER):
            cell = self._cell_at(self.cursor_row, self.cursor_column)
            self.framebuffer.draw(self.cursor_row, self.cursor_column, cell)
            mov(eax, self.row)
            mov(self.cursor_row, eax)
            mov(ecx, self.column)
            mov(self.cursor_column, ecx)
            cell = self._cell_at(eax, ecx)
            tail(self.framebuffer.draw_cursor, self.row, self.column, cell)

    # Text

    @function
    def set_colour(self, foreground: U8) -> None:
        """Set the colour of the text to come, a `Colour` on black."""
        mov(self.colour, foreground)

    @function
    def write_byte(self, byte: U8) -> None:
        """Show the character that ends with `byte`, in UTF-8; or move the cursor for `\\n`, `\\r`
        and `\\b`; the bell is silent."""
        with if_((byte >= FIRST_PRINTABLE) & (byte <= LAST_PRINTABLE)):  # as nearly all are
            mov(self.decoder.missing, 0)
            glyph = scratch(U32)
            movzx(glyph, byte)
            sub(glyph, FIRST_PRINTABLE)
            tail(self._put, glyph)
        character = self.decoder.decode(byte)
        with switch(character):
            with case(ord("\n")):
                mov(self.column, 0)
                tail(self._move_down)
            with case(ord("\r")):
                mov(self.column, 0)
            with case(ord("\b")):
                tail(self._move_back)
            with case(ord("\a"), INCOMPLETE):
                ret()
            with default():
                self.glyphs.number(character)
                tail(self._put, character)

    @function
    def _put(self, glyph: U32) -> None:
        """Write the glyph to the cell at the cursor, and move the cursor on by one cell."""
        movzx(eax, self.colour)
        shl(eax, COLOUR_SHIFT)
        or_(glyph, eax)
        cell = scratch(Ptr[U16])
        self._point_at(cell, self.row)
        mov(eax, self.column)
        mov(cell[rax], u16(glyph))
        self._draw(self.row, self.column, glyph)
        inc(self.column)
        mov(eax, self.columns)
        with if_(self.column == eax):
            mov(self.column, 0)
            tail(self._move_down)

    @function
    def _move_down(self) -> None:
        """Move the cursor to the row below; if there is none, all rows move up."""
        inc(self.row)
        mov(eax, self.rows)
        with if_(self.row == eax):
            tail(self._scroll)

    @function
    def _move_back(self) -> None:
        """Move the cursor back by one cell, from the start of a row to the end of the one above."""
        with if_(self.column != 0):
            dec(self.column)
        with elif_(self.row != 0):
            dec(self.row)
            mov(eax, self.columns)
            dec(eax)
            mov(self.column, eax)

    @function
    def _scroll(self) -> None:
        """Move all rows up by one; the top one is lost, and the last one becomes blank."""
        row = keep(U32)
        with for_(row, 0, self.rows):
            self._copy_from_below(row)
        dec(self.row)

    @function
    def _copy_from_below(self, row: Keep[U32]) -> None:
        """Give `row` the cells of the row below it; draw those that change."""
        cell, column = keep(Ptr[U16]), keep(U32)
        self._point_at(cell, row)
        xor(column, column)
        with while_(column < self.columns):
            mov(rax, u64(cell[MAX_COLUMNS]))
            with if_(rax == u64(at(cell))):  # beyond the columns in use, too: that does no harm
                add(cell, CELLS_AT_ONCE * sizeof(U16))
                add(column, CELLS_AT_ONCE)
                continue_()
            with if_(ax != at(cell)):
                mov(at(cell), ax)
                movzx(edx, ax)
                self._draw(row, column, edx)
            add(cell, sizeof(U16))
            inc(column)

    # Cells

    @function
    def _clear_rows(self, first: U32, end: U32) -> None:
        """Make the cells of the rows from `first` up to `end` blank, of which none is shown."""
        mov(ecx, end)
        sub(ecx, first)
        shl(ecx, ROW_SHIFT - 2)
        cell = scratch(Ptr[U16])
        self._point_at(cell, first)
        mov(rdi, cell)
        mov(rax, BLANK * (2**64 // 2**16 + 2**32 + 2**16 + 1))
        rep.stosq()

    @inline(changes="cell")
    def _point_at(self, cell: Ptr[U16], row: U32) -> None:
        """Set `cell` to the address of the first cell of `row`."""
        mov(u32(cell), row)
        shl(cell, ROW_SHIFT + 1)
        address = scratch(U64)
        lea(address, self.cells)
        add(cell, address)
        release(address)

    @function
    def _cell_at(self, row: U32, column: U32) -> U32:
        """Return the cell in `row` and `column`."""
        shl(row, ROW_SHIFT)
        add(row, column)
        movzx(eax, self.cells[row])
        ret(eax)
