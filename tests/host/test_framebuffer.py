"""Text on framebuffers of every form, which nothing may be read from."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernel.console.cell import MAX_COLUMNS, MAX_ROWS
from kernel.console.emulator import Emulator
from kernel.console.framebuffer import MAX_SIDE, Framebuffer
from kernel.console.renditions import Renditions
from kernel.console.screen import TextScreen
from kernel.contents import CONTENTS
from kernel.paging.addresses import Area
from kernel.text.colour import NORMAL, Colour
from pykasm import *
from pykasm.hostrun import Host
from tests.host.screen_support import Author
from tests.letters import LARGE, SMALL, Picture, Screen

ADDRESS = 0xE000_0000
ROOM = 1280 * 800 * 4

FORMS = {
    15: ((10, 5), (5, 5), (0, 5)),
    16: ((11, 5), (5, 6), (0, 5)),
    24: ((16, 8), (8, 8), (0, 8)),
    32: ((16, 8), (8, 8), (0, 8)),
}
"""Position and size of red, green and blue, by the bits of a pixel."""
Fields = tuple[tuple[int, int], tuple[int, int], tuple[int, int]]
SWAPPED = ((0, 8), (8, 8), (16, 8))
DEEP = ((20, 10), (10, 10), (0, 10))


class Display:
    """The screen with a framebuffer that can be written, and no more. Memory around it is there,
    too, so that what goes past its rows is seen."""

    def __init__(self) -> None:
        parts = Parts(CONTENTS)
        self.parts, self.screen, self.framebuffer = parts, parts[TextScreen], parts[Framebuffer]
        self.author = Author(self.screen, parts[Emulator])
        self.host = Host(self.author, self.framebuffer, limit=1 << 30, traced=False)
        self.host.map(Area.DIRECT_MAP + ADDRESS, ROOM, "-w-")
        self.host.on_out(range(0x10000), lambda port, value: None)
        self.host.on_in(range(0x10000), lambda port: 0xFF)
        self.host.checkpoint()
        self.fields = FORMS[32]
        self.bits = self.width = self.height = self.pitch = 0

    def describe(self, size: tuple[int, int], bits: int, fields: Fields, gap: int = 0) -> bool:
        """Begin anew with such a mode, and return whether it can be used."""
        self.host.reset()
        self.bits, self.fields = bits, fields
        self.width, self.height = size
        self.pitch = self.width * -(-bits // 8) + gap
        mode = self.framebuffer.mode
        self.host[mode.address] = ADDRESS
        self.host[mode.bits_per_pixel] = bits
        for name in ("width", "height", "pitch"):
            self.host[getattr(mode, name)] = getattr(self, name)
        for field, (position, count) in zip(range(3), fields, strict=True):
            self.host[mode.fields[field].position] = position
            self.host[mode.fields[field].size] = count
        return bool(self.host.call(self.framebuffer.prepare))

    def open(self, *arguments: Any, **others: Any) -> None:
        """Begin anew with the screen shown in such a mode."""
        assert self.describe(*arguments, **others)
        self.host.call(self.author.start)
        self.host.call(self.screen.open_framebuffer)

    def write(self, text: str) -> None:
        """Write all of `text`, then show the cursor."""
        self.host.call(self.author.write, text)

    def picture(self) -> Picture:
        """What the framebuffer shows."""
        size = -(-self.bits // 8)
        data = self.host.read(Area.DIRECT_MAP + ADDRESS, self.pitch * self.height)
        rows = (data[y * self.pitch :][: self.width * size] for y in range(self.height))
        pixels = bytearray()
        for row in rows:
            for x in range(0, len(row), size):
                pixels += self.components(int.from_bytes(row[x : x + size], "little"))
        return Picture(self.width, self.height, bytes(pixels))

    def components(self, pixel: int) -> bytes:
        """Red, green and blue of a pixel, each in 8 bits."""
        parts = [pixel >> position & (1 << count) - 1 for position, count in self.fields]
        assert pixel == sum(
            part << position for part, (position, _) in zip(parts, self.fields, strict=True)
        )
        return bytes(
            part << 8 >> count for part, (_, count) in zip(parts, self.fields, strict=True)
        )

    def text(self, letters: tuple[int, int]) -> Screen:
        """The text that it shows in such letters."""
        return Screen(self.picture(), letters)


@pytest.fixture(scope="module")
def display() -> Display:
    return Display()


@pytest.mark.parametrize(
    ("bits", "fields"),
    [*FORMS.items(), (24, SWAPPED), (32, SWAPPED), (32, DEEP)],
    ids=["15", "16", "24", "32", "24 BGR", "32 BGR", "30"],
)
@pytest.mark.parametrize("gap", [0, 12])
def test_text_has_its_colours_in_every_form(
    display: Display, bits: int, fields: Fields, gap: int
) -> None:
    display.open((20 * 8 + 3, 6 * 16 + 5), bits, fields, gap=gap)
    for colour in Colour:
        place = display.host.address(display.screen.screens)
        display.host.call(display.parts[Renditions].set_colour, place, colour)
        display.write(f"{colour:x}Äk▌╬\n" if colour else "\n")
    screen = display.text(SMALL)
    assert screen.rows == ["bÄk▌╬", "cÄk▌╬", "dÄk▌╬", "eÄk▌╬", "fÄk▌╬", ""]
    assert [row[:6] for row in screen.colours[:5]] == [
        [Colour(number)] * 5 + [NORMAL] for number in range(11, 16)
    ]
    assert screen.cursor == (5, 0)


WORDS = st.sampled_from(["panic", "x" * 21, "é", "─" * 20, " ", "~", "\n", "\r", "\b", "\n\n\n"])


class Model:
    """What should be on a screen."""

    def __init__(self, columns: int, rows: int) -> None:
        self.columns = columns
        self.rows = [" " * columns] * rows
        self.row = 0
        self.place = 0
        """The column; behind the last one, the next character goes to the row below."""

    def write(self, text: str) -> None:
        for character in text:
            self._write(character)

    def _feed(self) -> None:
        """Go to the start of the next row."""
        self.row, self.place = self.row + 1, 0
        if self.row == len(self.rows):
            self.rows = [*self.rows[1:], " " * self.columns]
            self.row -= 1

    def _write(self, character: str) -> None:
        if character == "\n":
            self._feed()
        elif character == "\r":
            self.place = 0
        elif character == "\b":
            place = max(0, self.row * self.columns + self.place - 1)
            self.row, self.place = divmod(place, self.columns)
        else:
            if self.place == self.columns:
                self._feed()
            before = self.rows[self.row]
            self.rows[self.row] = before[: self.place] + character + before[self.place + 1 :]
            self.place += 1


@given(st.lists(st.lists(WORDS, max_size=8).map("".join), max_size=4))
@settings(max_examples=25, deadline=None)
def test_text_wraps_and_scrolls(display: Display, texts: list[str]) -> None:
    model = Model(20, 5)
    display.open((160, 80), 32, FORMS[32])
    for text in texts:
        model.write(text)
        display.write(text)
    screen = display.text(SMALL)
    assert screen.rows == [row.rstrip() for row in model.rows]
    assert screen.cursor == (model.row, min(model.place, 19))


def test_letters_are_large_where_80_by_25_fit(display: Display) -> None:
    display.open((80 * 16, 25 * 32), 32, FORMS[32])
    display.write("large")
    assert display.text(LARGE).rows[0] == "large"
    for size in ((80 * 16 - 1, 25 * 32), (80 * 16, 25 * 32 - 1)):
        display.open(size, 32, FORMS[32])
        display.write("small")
        assert display.text(SMALL).rows[0] == "small"


def test_what_was_written_before_is_shown(display: Display) -> None:
    assert display.describe((160, 80), 32, FORMS[32])
    display.host.call(display.author.start)
    display.write("one\ntwo")
    display.host.call(display.screen.open_framebuffer)
    display.write("!")
    assert display.text(SMALL).rows == ["one", "two!", "", "", ""]


def test_a_screen_larger_than_the_cells_that_are_kept_is_used_in_part(display: Display) -> None:
    assert display.describe((MAX_SIDE, MAX_SIDE), 32, FORMS[32])
    framebuffer = display.framebuffer
    shown = display.host[framebuffer.columns], display.host[framebuffer.rows]
    assert shown == (MAX_COLUMNS, MAX_ROWS)


@pytest.mark.parametrize(
    ("size", "bits", "fields", "gap"),
    [
        ((640, 400), 8, FORMS[32], 0),
        ((640, 400), 64, FORMS[32], 0),
        ((MAX_SIDE + 1, 400), 32, FORMS[32], 0),
        ((640, MAX_SIDE + 1), 32, FORMS[32], 0),
        ((640, 400), 32, FORMS[32], -4),
        ((7, 400), 32, FORMS[32], 0),
        ((640, 15), 32, FORMS[32], 0),
        ((640, 400), 16, FORMS[32], 0),
        ((640, 400), 32, ((16, 8), (8, 8), (0, 0)), 0),
        ((640, 400), 32, ((250, 8), (8, 8), (0, 8)), 0),
    ],
)
def test_modes_that_make_no_sense_are_refused(
    display: Display, size: tuple[int, int], bits: int, fields: Fields, gap: int
) -> None:
    assert not display.describe(size, bits, fields, gap)
