"""The screen: rows of text, wherever they are shown."""

from __future__ import annotations

from enum import IntEnum

from kernel.console.cell import ROW_SHIFT, SCREENS
from kernel.console.framebuffer import Framebuffer
from kernel.console.screenmode import ScreenMode
from kernel.console.screenstate import Screen
from kernel.console.scrollback import Scrollback
from kernel.console.vga import COLUMNS, ROWS, VgaText
from pykasm import *


class Display(IntEnum):
    """What shows the screen."""

    NONE = 0
    VGA = 1
    FRAMEBUFFER = 2


class TextScreen(Subsystem):
    """The screens that there are, kept in memory whether or not something shows them, so that
    nothing is ever read from a display. One of them is shown: what changes there is drawn at once,
    and nothing else is.

    No function here takes a lock: the console serialises output.
    """

    display = bss(U8)
    """A `Display`."""
    columns = data(U32, COLUMNS)
    rows = data(U32, ROWS)
    """The size of all screens."""
    cursor_row = bss(U32)
    cursor_column = bss(U32)
    """Where a framebuffer shows the cursor."""
    screens = bss(Screen * SCREENS)
    """The first one is that of the kernel, and of `/dev/console`."""

    def __init__(self, vga: VgaText, framebuffer: Framebuffer, scrollback: Scrollback) -> None:
        # There before anything is started: panics of the first steps are written there
        self.shown = data(Ptr[Screen], address_of(self.screens))
        self.vga = vga
        self.framebuffer = framebuffer
        self.scrollback = scrollback

    # Displays

    @function
    def start(self) -> None:
        """Show the first screen on a VGA, if there is one in text mode; it has no rows yet."""
        with if_(self.vga.start()):
            mov(self.display, Display.VGA)

    @function
    def open_framebuffer(self) -> None:
        """Show the screen on the framebuffer, which is prepared and mapped, from now on."""
        screen = scratch(self.shown)
        for count, place, shown in (
            (self.columns, screen.column, self.framebuffer.columns),
            (self.rows, screen.row, self.framebuffer.rows),
        ):
            mov(eax, shown)
            mov(count, eax)
            dec(eax)
            with if_(place > eax):
                mov(place, eax)
        mov(screen.top, 0)
        mov(eax, self.rows)
        mov(screen.bottom, eax)
        mov(self.display, Display.FRAMEBUFFER)
        self.framebuffer.clear()
        tail(self.draw_all)

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

    # Screens

    @function
    def show(self, number: U32) -> None:
        """Have the screen `number` be the one that is shown; nothing of it is drawn yet."""
        asserts(number < SCREENS)
        screen = scratch(Ptr[Screen])
        point_at(screen, self.screens, u64(number))
        mov(self.shown, screen)
        tail(self.scrollback.forget)

    @inline
    def is_drawn(self, screen: Ptr[Screen]) -> Condition:
        """Return the condition that `screen`, a register, is the one that is shown."""
        return screen == self.shown

    @function
    def draw_all(self) -> None:
        """Draw all rows, and the cursor."""
        row = keep(U32)
        with for_(row, 0, self.rows):
            self.draw_row(row)
        tail(self.show_cursor)

    @function
    def draw_row(self, row: Keep[U32]) -> None:
        """Draw all cells of `row`, of what is looked at."""
        cell, column = keep(Ptr[U16]), keep(U32)
        mov(cell, self._find(row))
        with for_(column, 0, self.columns):
            movzx(edx, at(cell))
            self.draw(row, column, edx)
            add(cell, sizeof(U16))

    @function
    def _find(self, row: U32) -> Ptr[U16]:
        """Return the cells that are to be seen in `row`."""
        with if_(row < self.scrollback.offset):
            tail(self.scrollback.find, row)
        sub(row, self.scrollback.offset)
        shl(row, ROW_SHIFT)
        screen = scratch(self.shown)
        lea(rax, screen.cells[row])
        ret(rax)

    @function
    def draw(self, row: U32, column: U32, cell: U32) -> None:
        """Show `cell` in `row` and `column`."""
        with if_(self.display == Display.VGA):
            self.vga.draw(row, column, cell)
        with elif_(self.display == Display.FRAMEBUFFER):
            self.framebuffer.draw(row, column, cell)

    @function
    def show_cursor(self) -> None:
        """Show where the next character goes, if that is to be seen."""
        row, column, screen = scratch(U32), scratch(U32), scratch(self.shown)
        mov(row, screen.row)
        mov(column, screen.column)
        with if_(((screen.modes & ScreenMode.CURSOR) == 0) | (self.scrollback.offset != 0)):
            mov(row, self.rows)  # below the last row
        with if_(self.display == Display.VGA):
            tail(self.vga.show_cursor, row, column)
        with if_(self.display == Display.FRAMEBUFFER):
            tail(self._draw_cursor, row, column)

    @function
    def _draw_cursor(self, row: Keep[U32], column: Keep[U32]) -> None:
        """Draw the cursor on a framebuffer, unless `row` is none, and the cell where it was."""
        mov(edx, self.cursor_row)
        with if_(edx < self.rows):
            cell = self._cell_at(edx, self.cursor_column)
            self.framebuffer.draw(self.cursor_row, self.cursor_column, cell)
        mov(self.cursor_row, row)
        mov(self.cursor_column, column)
        with if_(row < self.rows):
            cell = self._cell_at(row, column)
            tail(self.framebuffer.draw_cursor, row, column, cell)

    @function
    def _cell_at(self, row: U32, column: Keep[U32]) -> U32:
        """Return the cell that is to be seen in `row` and `column`."""
        cells = scratch(self._find(row))
        movzx(eax, cells[column])
        ret(eax)
