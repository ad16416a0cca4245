"""The cells of screens."""

from __future__ import annotations

from kernel.console.cell import COLOUR_BITS, COLOUR_SHIFT, ROW_SHIFT
from kernel.console.screen import TextScreen
from kernel.console.screenstate import CELLS, Screen
from kernel.console.scrollback import QUADWORDS, Scrollback
from pykasm import *

CELLS_AT_ONCE = sizeof(U64) // sizeof(U16)
"""Cells that are compared at once."""

HUES = 0x77 << COLOUR_SHIFT
"""The bits of both colours of a cell but for the brightness of the first one."""


class ScreenCells(Subsystem):
    """Changes cells, and draws those that are shown. Context: with the console's lock."""

    def __init__(self, screens: TextScreen, scrollback: Scrollback) -> None:
        self.screens = screens
        self.scrollback = scrollback

    @function
    def set(self, screen: Ptr[Screen], row: U32, column: U32, cell: U32) -> None:
        """Make `cell` the one in `row` and `column`."""
        mov(eax, row)
        shl(eax, ROW_SHIFT)
        add(eax, column)
        mov(screen.cells[rax], u16(cell))
        with if_(self.screens.is_drawn(screen)):
            tail(self.screens.draw, row, column, cell)

    # Erasing

    @function
    def clear(self, screen: Ptr[Screen]) -> None:
        """Make all cells blank that there may ever be, and draw none."""
        movzx(eax, u16(screen.blank))
        mov(ecx, CELLS)
        lea(rdi, screen.cells)
        rep.stosw()

    @function
    def fill_rows(self, screen: Keep[Ptr[Screen]], first: U32, end: Keep[U32]) -> None:
        """Make the rows from `first` up to `end` blank."""
        row = keep(first)
        with while_(row < end):
            self.fill(screen, row, 0, self.screens.columns)
            inc(row)

    @function
    def fill(self, screen: Ptr[Screen], row: Keep[U32], first: U32, end: Keep[U32]) -> None:
        """Make the cells of `row` from `first` up to `end` blank; draw those that change."""
        cell, column, blank = keep(Ptr[U16]), keep(first), keep(U32)
        mov(blank, screen.blank)
        self._point_at(cell, screen, row, column)
        with if_(~self.screens.is_drawn(screen)):
            mov(ecx, end)
            sub(ecx, column)
            mov(rdi, cell)
            mov(eax, blank)
            rep.stosw()
            ret()
        with while_(column < end):
            with if_(at(cell) != u16(blank)):
                mov(at(cell), u16(blank))
                self.screens.draw(row, column, blank)
            add(cell, sizeof(U16))
            inc(column)

    @function
    def invert(self, screen: Ptr[Screen]) -> None:
        """Exchange foreground and background of all cells."""
        screen, cell, left = scratch(screen), scratch(Ptr[U16]), scratch(U32)
        lea(cell, screen.cells)
        with for_(left, 0, CELLS):
            movzx(eax, at(cell))
            mov(ecx, eax)
            and_(eax, ~HUES)
            and_(ecx, HUES)
            mov(edx, ecx)
            shl(ecx, COLOUR_BITS)
            shr(edx, COLOUR_BITS)
            or_(ecx, edx)
            and_(ecx, HUES)
            or_(eax, ecx)
            mov(at(cell), ax)
            add(cell, sizeof(U16))
        with if_(self.screens.is_drawn(screen)):
            tail(self.screens.draw_all)

    # Rows that move

    @function
    def scroll_up(
        self, screen: Keep[Ptr[Screen]], top: U32, end: Keep[U32], count: Keep[U32]
    ) -> None:
        """Move the rows from `top` up to `end` up by `count`; the last ones become blank."""
        row = keep(top)
        mov(eax, end)
        sub(eax, row)
        with if_(count > eax):
            mov(count, eax)
        mov(eax, self.screens.rows)
        with if_((row == 0) & (end == eax) & self.screens.is_drawn(screen)):
            self._keep_rows(screen, count)
        with loop():
            mov(edx, row)
            add(edx, count)
            break_if(edx >= end)
            self._copy(screen, row, edx)
            inc(row)
        tail(self.fill_rows, screen, row, end)

    @function
    def _keep_rows(self, screen: Keep[Ptr[Screen]], count: Keep[U32]) -> None:
        """Keep the first `count` rows, which leave the screen."""
        row = keep(U32)
        with for_(row, 0, count):
            cells = scratch(Ptr[U16])
            mov(eax, row)
            shl(eax, ROW_SHIFT)
            lea(cells, screen.cells[rax])
            self.scrollback.add(cells)

    @function
    def scroll_down(
        self, screen: Keep[Ptr[Screen]], top: Keep[U32], end: U32, count: Keep[U32]
    ) -> None:
        """Move the rows from `top` up to `end` down by `count`; the first ones become blank."""
        row = keep(end)
        mov(eax, row)
        sub(eax, top)
        with if_(count > eax):
            mov(count, eax)
        add(count, top)  # the first row that something is moved to
        with while_(row > count):
            dec(row)
            mov(edx, row)
            sub(edx, count)
            add(edx, top)
            self._copy(screen, row, edx)
        tail(self.fill_rows, screen, top, count)

    @function
    def _copy(self, screen: Ptr[Screen], row: Keep[U32], source: U32) -> None:
        """Give `row` the cells of the row `source`; draw those that change."""
        cell, distance, column = keep(Ptr[U16]), keep(U64), keep(U32)
        xor(column, column)
        self._point_at(cell, screen, source, column)
        mov(distance, cell)
        self._point_at(cell, screen, row, column)
        sub(distance, cell)
        with if_(~self.screens.is_drawn(screen)):
            mov(rdi, cell)
            lea(rsi, bare[u64(cell) + distance])
            mov(ecx, QUADWORDS)
            rep.movsq()
            ret()
        with while_(column < self.screens.columns):
            mov(rax, u64[u64(cell) + distance])
            with if_(rax == u64(at(cell))):  # beyond the columns in use, too: that does no harm
                add(cell, CELLS_AT_ONCE * sizeof(U16))
                add(column, CELLS_AT_ONCE)
                continue_()
            with if_(ax != at(cell)):
                mov(at(cell), ax)
                movzx(edx, ax)
                self.screens.draw(row, column, edx)
            add(cell, sizeof(U16))
            inc(column)

    # Cells that move within a row

    @function
    def insert(self, screen: Ptr[Screen], count: U32) -> None:
        """Insert `count` blank cells at the cursor; the last ones of the row are lost."""
        target, source, start = scratch(U32), scratch(U32), scratch(U32)
        self._limit(screen, count)
        self._find_row(screen, start)
        mov(target, start)
        add(target, self.screens.columns)
        mov(source, target)
        sub(source, count)
        add(start, screen.column)
        with while_(source > start):
            dec(source)
            dec(target)
            mov(ax, screen.cells[source])
            mov(screen.cells[target], ax)
        tail(self._finish, screen, start, count)

    @function
    def delete(self, screen: Ptr[Screen], count: U32) -> None:
        """Remove `count` cells at the cursor; the last ones of the row become blank."""
        target, source, end = scratch(U32), scratch(U32), scratch(U32)
        self._limit(screen, count)
        self._find_row(screen, target)
        mov(end, target)
        add(end, self.screens.columns)
        add(target, screen.column)
        mov(source, target)
        add(source, count)
        with while_(source < end):
            mov(ax, screen.cells[source])
            mov(screen.cells[target], ax)
            inc(source)
            inc(target)
        tail(self._finish, screen, target, count)

    @inline(changes=("count", rax))
    def _limit(self, screen: Ptr[Screen], count: U32) -> None:
        """Make `count` no more than the cells from the cursor on."""
        mov(eax, self.screens.columns)
        sub(eax, screen.column)
        with if_(count > eax):
            mov(count, eax)

    @inline(changes="place")
    def _find_row(self, screen: Ptr[Screen], place: U32) -> None:
        """Set `place` to the index of the first cell of the cursor's row."""
        mov(place, screen.row)
        shl(place, ROW_SHIFT)

    @function
    def _finish(self, screen: Ptr[Screen], first: U32, count: U32) -> None:
        """Make `count` cells from the index `first` on blank; draw the row."""
        movzx(eax, u16(screen.blank))
        lea(r8, screen.cells[first])
        mov(ecx, count)
        mov(r9, screen)
        mov(rdi, r8)
        rep.stosw()
        screen = cast(r9, Ptr[Screen])
        with if_(self.screens.is_drawn(screen)):
            tail(self.screens.draw_row, screen.row)

    @inline(changes="cell")
    def _point_at(self, cell: Ptr[U16], screen: Ptr[Screen], row: U32, column: U32) -> None:
        """Set `cell` to the address of the cell in `row` and `column`."""
        mov(u32(cell), row)
        shl(u32(cell), ROW_SHIFT)
        add(u32(cell), column)
        lea(cell, screen.cells[u64(cell)])
