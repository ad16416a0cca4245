"""Where the cursor goes."""

from __future__ import annotations

from kernel.console.screen import TextScreen
from kernel.console.screencells import ScreenCells
from kernel.console.screenmode import ScreenMode
from kernel.console.screenstate import Screen
from pykasm import *


class CursorMotion(Subsystem):
    """Moves cursors (console_codes(4)). Context: with the console's lock."""

    def __init__(self, screens: TextScreen, cells: ScreenCells) -> None:
        self.screens = screens
        self.cells = cells

    @function
    def go_to(self, screen: Ptr[Screen], row: U32, column: U32) -> None:
        """Move the cursor to `row` and `column`, or as far as there are some; in origin mode, it
        stays in the scrolling region."""
        mov(screen.wraps, 0)
        mov(eax, self.screens.columns)
        dec(eax)
        with if_(column > eax):
            mov(column, eax)
        mov(screen.column, column)
        mov(eax, self.screens.rows)
        with if_(screen.modes & ScreenMode.ORIGIN):
            mov(ecx, screen.top)
            with if_(row < ecx):
                mov(row, ecx)
            mov(eax, screen.bottom)
        dec(eax)
        with if_(row > eax):
            mov(row, eax)
        mov(screen.row, row)

    @function
    def go_from_origin(self, screen: Ptr[Screen], row: U32, column: U32) -> None:
        """Do the same with a `row` that is counted within the scrolling region in origin mode."""
        with if_(screen.modes & ScreenMode.ORIGIN):
            add(row, screen.top)
        tail(self.go_to, screen, row, column)

    @function
    def go_up(self, screen: Ptr[Screen], rows: U32, column: U32) -> None:
        """Move the cursor up by `rows`, and to `column`."""
        row = scratch(screen.row)
        sub(row, rows)
        with if_(CF):
            xor(row, row)
        tail(self.go_to, screen, row, column)

    @function
    def go_down(self, screen: Ptr[Screen], rows: U32, column: U32) -> None:
        """Move it down."""
        add(rows, screen.row)
        tail(self.go_to, screen, rows, column)

    @function
    def go_left(self, screen: Ptr[Screen], columns: U32) -> None:
        """Move it to the left."""
        column = scratch(screen.column)
        sub(column, columns)
        with if_(CF):
            xor(column, column)
        tail(self.go_to, screen, screen.row, column)

    @function
    def go_right(self, screen: Ptr[Screen], columns: U32) -> None:
        """Move it to the right."""
        add(columns, screen.column)
        tail(self.go_to, screen, screen.row, columns)

    @function
    def return_to_start(self, screen: Ptr[Screen]) -> None:
        """Move it to the first column."""
        mov(screen.wraps, 0)
        mov(screen.column, 0)

    @function
    def go_back(self, screen: Ptr[Screen]) -> None:
        """Move it back by one column, as REVERSE_WRAP says."""
        reverse = scratch(screen.modes)
        and_(reverse, ScreenMode.REVERSE_WRAP)
        with if_((reverse != 0) & (screen.wraps != 0)):  # it was really in the row below
            mov(screen.wraps, 0)
            ret()
        mov(screen.wraps, 0)
        with if_(screen.column != 0):
            dec(screen.column)
        with elif_((reverse != 0) & (screen.row != 0)):
            dec(screen.row)
            mov(eax, self.screens.columns)
            dec(eax)
            mov(screen.column, eax)

    @function
    def tabulate(self, screen: Ptr[Screen]) -> None:
        """Move it to the next tab stop, or to the last column."""
        last = scratch(self.screens.columns)
        dec(last)
        mov(eax, screen.column)
        with while_(eax < last):
            inc(eax)
            bt(screen.tabs[0], rax)
            break_if(CF)
        mov(screen.column, eax)

    @function
    def feed_line(self, screen: Ptr[Screen]) -> None:
        """Move it down by one row; at the end of the scrolling region, that moves up instead."""
        mov(screen.wraps, 0)
        mov(eax, screen.row)
        inc(eax)
        with if_(eax == screen.bottom):
            tail(self.cells.scroll_up, screen, screen.top, screen.bottom, 1)
        with if_(eax < self.screens.rows):
            mov(screen.row, eax)

    @function
    def feed_back(self, screen: Ptr[Screen]) -> None:
        """Move it up by one row; at the top of the scrolling region, that moves down instead."""
        mov(screen.wraps, 0)
        mov(eax, screen.row)
        with if_(eax == screen.top):
            tail(self.cells.scroll_down, screen, screen.top, screen.bottom, 1)
        with if_(eax != 0):
            dec(screen.row)
