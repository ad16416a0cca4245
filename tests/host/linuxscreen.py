"""The terminal of pyte as Linux has it, where the two differ."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pyte
from pyte import modes
from pyte.screens import Char, Margins

from kernel.console.charsets import glyph_of
from kernel.console.glyphs import CHARACTERS
from kernel.text.colour import NORMAL, Colour

NAMES = ("black", "red", "green", "brown", "blue", "magenta", "cyan", "white")
"""Colours as pyte calls them, by their numbers in ECMA-48."""
VGA = (
    *(Colour.BLACK, Colour.RED, Colour.GREEN, Colour.BROWN),
    *(Colour.BLUE, Colour.MAGENTA, Colour.CYAN, Colour.LIGHT_GREY),
)
UNDERLINED = Colour.CYAN
ITALIC = Colour.GREEN


def colour_of(name: str, usual: int) -> int:
    """The colour of a VGA that pyte calls so."""
    name = name.replace("bfight", "").replace("bright", "")  # one is misspelt
    return usual if name == "default" else VGA[NAMES.index(name)]


def attribute_of(char: Char) -> int:
    """The colours that a VGA shows for a cell of pyte's: background << 4 | foreground."""
    foreground = colour_of(char.fg, NORMAL)
    background = colour_of(char.bg, Colour.BLACK)
    if char.italics:
        foreground = ITALIC
    elif char.underscore:
        foreground = UNDERLINED
    if char.reverse:
        foreground, background = background, foreground
    if char.bold or char.fg.startswith("bright"):
        foreground ^= 8
    return background << 4 | foreground


class LinuxScreen(pyte.Screen):
    """A screen that pyte keeps. Where nothing else is said, Linux does as is told here
    (drivers/tty/vt/vt.c) and pyte otherwise."""

    def __init__(self, columns: int, lines: int) -> None:
        self.answers = ""
        self.saved: tuple[Any, ...] = ()
        super().__init__(columns, lines)
        self.save_cursor()

    def write_process_input(self, data: str) -> None:
        self.answers += data

    def reset(self) -> None:
        """A reset saves the cursor, too."""
        super().reset()
        self.save_cursor()

    # The cursor behind the last column is one in the last column, of which a flag is set

    def _leave_edge(self) -> None:
        self.cursor.x = min(self.cursor.x, self.columns - 1)

    def draw(self, data: str) -> None:
        """Without automatic wrap, nothing is noted in the last column for a later change of it."""
        for character in data:
            super().draw(character)
            if modes.DECAWM not in self.mode:
                self._leave_edge()

    def tab(self) -> None:
        """A tab in the last column does not forget that it was written."""
        if self.cursor.x < self.columns - 1:
            super().tab()

    def cursor_forward(self, count: int | None = None) -> None:
        self._leave_edge()
        super().cursor_forward(count)

    def report_device_status(self, mode: int, **others: Any) -> None:
        at_edge = self.cursor.x
        self._leave_edge()
        margins = self.margins
        self.margins = margins or Margins(0, self.lines - 1)
        super().report_device_status(mode)
        self.margins, self.cursor.x = margins, at_edge

    def set_tab_stop(self) -> None:
        self.tabstops.add(min(self.cursor.x, self.columns - 1))

    def clear_tab_stop(self, how: int = 0) -> None:
        at_edge = self.cursor.x
        self._leave_edge()
        super().clear_tab_stop(how)
        self.cursor.x = at_edge

    # What becomes blank has the colours of the cursor, but no bright ones and nothing else of it

    @property
    def default_char(self) -> Char:
        """What a line consists of that is made."""
        if not hasattr(self, "cursor") or not self.making:
            return Char(data=" ", fg="default", bg="default")
        return self._blank()

    making = False

    def _blank(self) -> Char:
        attributes = self.cursor.attrs
        return Char(data=" ", fg=attributes.fg.removeprefix("bright"), bg=attributes.bg)

    @contextmanager
    def _erasing(self) -> Iterator[None]:
        """Erase in the block, with the cursor before the edge."""
        self._leave_edge()
        with self._making():
            yield

    @contextmanager
    def _making(self) -> Iterator[None]:
        attributes = self.cursor.attrs
        self._make_all()
        self.making, self.cursor.attrs = True, self._blank()
        for y in range(self.lines):
            self.buffer[y].default = self._blank()
        yield
        self._make_all()
        self.making, self.cursor.attrs = False, attributes

    def _make_all(self) -> None:
        """Make what pyte makes when it is looked at."""
        for y in range(self.lines):
            line = self.buffer[y]
            for x in range(self.columns):
                line[x] = line[x]

    def insert_characters(self, count: int | None = None) -> None:
        with self._erasing():
            super().insert_characters(count)

    def delete_characters(self, count: int | None = None) -> None:
        with self._erasing():
            super().delete_characters(count)

    def erase_characters(self, count: int | None = None) -> None:
        with self._erasing():
            super().erase_characters(count)

    def erase_in_line(self, how: int = 0, private: bool = False) -> None:
        with self._erasing():
            super().erase_in_line(how)

    def erase_in_display(self, how: int = 0, *args: Any, **kwargs: Any) -> None:
        with self._erasing():
            super().erase_in_display(how)

    def insert_lines(self, count: int | None = None) -> None:
        """The cursor stays in its column."""
        with self._lines():
            super().insert_lines(count)

    def delete_lines(self, count: int | None = None) -> None:
        """So it does."""
        with self._lines():
            super().delete_lines(count)

    @contextmanager
    def _lines(self) -> Iterator[None]:
        top, bottom = self.margins or Margins(0, self.lines - 1)
        if top <= self.cursor.y <= bottom:
            self._leave_edge()
        column = self.cursor.x
        with self._making():
            yield
        self.cursor.x = column

    def index(self) -> None:
        """Below the region, the cursor goes on to the end of the screen."""
        self._leave_edge()
        _, bottom = self.margins or Margins(0, self.lines - 1)
        if self.cursor.y == bottom:
            with self._making():
                super().index()
        else:
            self.cursor.y = min(self.cursor.y + 1, self.lines - 1)

    def reverse_index(self) -> None:
        """Above the region, it goes on to the start."""
        self._leave_edge()
        top, _ = self.margins or Margins(0, self.lines - 1)
        if self.cursor.y == top:
            with self._making():
                super().reverse_index()
        else:
            self.cursor.y = max(self.cursor.y - 1, 0)

    def alignment_display(self) -> None:
        """The letters have the colours of what is erased."""
        letter = self._blank()._replace(data="E")
        self._leave_edge()
        for y in range(self.lines):
            for x in range(self.columns):
                self.buffer[y][x] = letter

    # The region holds the cursor in origin mode, and never else

    def _go_to(self, row: int, column: int) -> None:
        first, last = 0, self.lines - 1
        if modes.DECOM in self.mode and self.margins:
            first, last = self.margins
        self.cursor.x = min(max(column, 0), self.columns - 1)
        self.cursor.y = min(max(row, first), last)

    def _origin(self) -> int:
        return self.margins.top if modes.DECOM in self.mode and self.margins else 0

    def cursor_up(self, count: int | None = None) -> None:
        self._go_to(self.cursor.y - (count or 1), self.cursor.x)

    def cursor_down(self, count: int | None = None) -> None:
        self._go_to(self.cursor.y + (count or 1), self.cursor.x)

    def cursor_position(self, line: int | None = None, column: int | None = None) -> None:
        self._go_to(self._origin() + (line or 1) - 1, (column or 1) - 1)

    def cursor_to_line(self, line: int | None = None) -> None:
        self._go_to(self._origin() + (line or 1) - 1, self.cursor.x)

    def cursor_to_column(self, column: int | None = None) -> None:
        self._go_to(self.cursor.y, (column or 1) - 1)

    def cursor_back(self, count: int | None = None) -> None:
        self._leave_edge()
        self._go_to(self.cursor.y, self.cursor.x - (count or 1))

    def backspace(self) -> None:
        self._leave_edge()
        self.cursor.x = max(self.cursor.x - 1, 0)

    def set_margins(self, top: int | None = None, bottom: int | None = None, **_: Any) -> None:
        """A region that there can't be is ignored; any other one moves the cursor to its start, in
        origin mode, or to that of the screen."""
        first, last = top or 1, bottom or self.lines
        if first < last <= self.lines:
            self.margins = Margins(first - 1, last - 1)
            self.cursor_position()

    # One cursor is saved, with what it draws, and it can be restored again and again

    def save_cursor(self) -> None:
        sets = (self.g0_charset, self.g1_charset, self.charset)
        self.saved = (self.cursor.y, min(self.cursor.x, self.columns - 1), self.cursor.attrs, *sets)

    def restore_cursor(self) -> None:
        row, column, attributes, self.g0_charset, self.g1_charset, self.charset = self.saved
        self.cursor.attrs = attributes
        self._go_to(row, column)

    # What is seen

    def cells(self) -> list[tuple[str, int]]:
        """The characters that there are glyphs for, and the colours, row by row."""
        places = ((y, x) for y in range(self.lines) for x in range(self.columns))
        chars = [self.buffer[y][x] for y, x in places]
        return [(CHARACTERS[glyph_of(char.data)], attribute_of(char)) for char in chars]
