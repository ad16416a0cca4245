"""What is erased, inserted and removed."""

from __future__ import annotations

from enum import IntEnum

from kernel.console.screen import TextScreen
from kernel.console.screencells import ScreenCells
from kernel.console.screenstate import Screen
from kernel.console.scrollback import Scrollback
from pykasm import *


class ErasedPart(IntEnum):
    """What is erased of a row, or of the screen."""

    AFTER = 0
    BEFORE = 1
    """Each with the cell at the cursor."""
    ALL = 2
    WITH_SCROLLBACK = 3


class Erasing(Subsystem):
    """Each method is what console_codes(4) tells of a control sequence, by the name that ECMA-48
    has for it. Context: with the console's lock."""

    def __init__(self, screens: TextScreen, cells: ScreenCells, scrollback: Scrollback) -> None:
        self.screens = screens
        self.cells = cells
        self.scrollback = scrollback

    @function
    def erase_in_page(self, screen: Keep[Ptr[Screen]], part: Keep[U32]) -> None:
        """Erase an `ErasedPart` of the screen (ED)."""
        with switch(part):
            with case(ErasedPart.AFTER):
                mov(edx, screen.row)
                inc(edx)
                self.cells.fill_rows(screen, edx, self.screens.rows)
                tail(self.erase_in_line, screen, part)
            with case(ErasedPart.BEFORE):
                self.cells.fill_rows(screen, 0, screen.row)
                tail(self.erase_in_line, screen, part)
            with case(ErasedPart.ALL, ErasedPart.WITH_SCROLLBACK):
                mov(screen.wraps, 0)
                with if_((part == ErasedPart.WITH_SCROLLBACK) & self.screens.is_drawn(screen)):
                    self.scrollback.forget()
                tail(self.cells.fill_rows, screen, 0, self.screens.rows)

    @function
    def erase_in_line(self, screen: Ptr[Screen], part: U32) -> None:
        """Erase an `ErasedPart` of the cursor's row (EL)."""
        mov(screen.wraps, 0)
        mov(eax, screen.column)
        with switch(part):
            with case(ErasedPart.AFTER):
                tail(self.cells.fill, screen, screen.row, eax, self.screens.columns)
            with case(ErasedPart.BEFORE):
                inc(eax)
                tail(self.cells.fill, screen, screen.row, 0, eax)
            with case(ErasedPart.ALL):
                tail(self.cells.fill, screen, screen.row, 0, self.screens.columns)

    @function
    def erase_characters(self, screen: Ptr[Screen], count: U32) -> None:
        """Erase `count` cells from the cursor on (ECH)."""
        mov(screen.wraps, 0)
        add(count, screen.column)
        mov(eax, self.screens.columns)
        with if_(count > eax):
            mov(count, eax)
        tail(self.cells.fill, screen, screen.row, screen.column, count)

    @function
    def insert_characters(self, screen: Ptr[Screen], count: U32) -> None:
        """Insert `count` blanks (ICH)."""
        mov(screen.wraps, 0)
        tail(self.cells.insert, screen, count)

    @function
    def delete_characters(self, screen: Ptr[Screen], count: U32) -> None:
        """Remove `count` characters (DCH)."""
        mov(screen.wraps, 0)
        tail(self.cells.delete, screen, count)

    @function
    def insert_lines(self, screen: Ptr[Screen], count: U32) -> None:
        """Insert `count` blank rows, if the cursor is in the scrolling region (IL)."""
        with if_(self._is_in_region(screen)):
            mov(screen.wraps, 0)
            tail(self.cells.scroll_down, screen, screen.row, screen.bottom, count)

    @function
    def delete_lines(self, screen: Ptr[Screen], count: U32) -> None:
        """Remove `count` rows (DL)."""
        with if_(self._is_in_region(screen)):
            mov(screen.wraps, 0)
            tail(self.cells.scroll_up, screen, screen.row, screen.bottom, count)

    @inline(changes=rax)
    def _is_in_region(self, screen: Ptr[Screen]) -> Condition:
        """Return the condition that the cursor is in the scrolling region."""
        mov(eax, screen.row)
        return (eax >= screen.top) & (eax < screen.bottom)
