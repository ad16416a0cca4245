"""The text screen on a VGA against a model of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.console.emulator import Emulator
from kernel.console.renditions import Renditions
from kernel.console.screen import TextScreen
from kernel.console.vga import COLUMNS, ROWS, TEXT_BUFFER, VgaText
from kernel.contents import CONTENTS
from kernel.text.colour import NORMAL, Colour
from pykasm import *
from pykasm.hostrun import Host
from tests.host.screen_support import Author

GRAPHICS_DATA, CRT_INDEX, CRT_DATA = 0x3CF, 0x3D4, 0x3D5
TEXT_MODE = 0x0E
"""The graphics controller's register 6 in mode 3 (IBM VGA Technical Reference, 1992)."""
GRAPHICS_MODE, NO_DEVICE = 0x05, 0xFF
CURSOR_HIGH, CURSOR_LOW = 0x0E, 0x0F

WORDS = st.sampled_from(["panic", "x" * 79, "y" * 80, "z" * 200, " ", "~"])
CONTROLS = st.sampled_from(["\n", "\r", "\b", "\a", "\n" * 5])
TEXT = st.lists(WORDS | CONTROLS, max_size=20).map("".join)


class Display:
    """The subsystem with memory and ports of a VGA."""

    def __init__(self, mode: int) -> None:
        self.parts = Parts(CONTENTS, instead={VgaText: VgaText(TEXT_BUFFER)})
        self.author = Author(self.parts[TextScreen], self.parts[Emulator])
        self.host = Host(self.author)
        self.host.map(TEXT_BUFFER, 1 << 12)
        self.index = 0
        self.registers = dict.fromkeys((CURSOR_HIGH, CURSOR_LOW), 0)
        self.host.on_in(GRAPHICS_DATA, lambda port: mode)
        self.host.on_out(range(GRAPHICS_DATA - 1, CRT_INDEX), lambda port, value: None)
        self.host.on_out(CRT_INDEX, self.select)
        self.host.on_out(CRT_DATA, self.set)
        self.host.checkpoint()

    def select(self, port: int, value: int) -> None:
        """Answer for the CRT controller's index."""
        self.index = value

    def set(self, port: int, value: int) -> None:
        """Answer for the register that the index names."""
        self.registers[self.index] = value

    def start(self) -> None:
        """Begin with a blank screen."""
        self.host.reset()
        self.host.call(self.author.start)
        self.write("")

    def set_colour(self, colour: Colour) -> None:
        """Write in this colour from now on."""
        screen = self.host.address(self.parts[TextScreen].screens)
        self.host.call(self.parts[Renditions].set_colour, screen, colour)

    def write(self, text: str) -> None:
        """Write all of `text`, then show the cursor."""
        self.host.call(self.author.write, text)

    @property
    def cells(self) -> bytes:
        """The text buffer."""
        return self.host.read(TEXT_BUFFER, ROWS * COLUMNS * 2)

    @property
    def rows(self) -> list[str]:
        """The characters."""
        text = self.cells[::2].decode()
        return [text[start : start + COLUMNS] for start in range(0, len(text), COLUMNS)]

    @property
    def cursor(self) -> tuple[int, int]:
        """Row and column of the hardware's cursor."""
        return divmod(self.registers[CURSOR_HIGH] << 8 | self.registers[CURSOR_LOW], COLUMNS)


class Model:
    """What should be on the screen."""

    def __init__(self) -> None:
        self.rows = [" " * COLUMNS] * ROWS
        self.row = 0
        self.place = 0
        """The column; behind the last one, the next character goes to the row below."""

    @property
    def column(self) -> int:
        """Where the cursor is."""
        return min(self.place, COLUMNS - 1)

    def write(self, text: str) -> None:
        for character in text:
            self._write(character)

    def _feed(self) -> None:
        """Go to the start of the next row."""
        self.row, self.place = self.row + 1, 0
        if self.row == ROWS:
            self.rows = [*self.rows[1:], " " * COLUMNS]
            self.row -= 1

    def _write(self, character: str) -> None:
        if character == "\n":
            self._feed()
        elif character == "\r":
            self.place = 0
        elif character == "\b":
            place = max(0, self.row * COLUMNS + self.place - 1)
            self.row, self.place = divmod(place, COLUMNS)
        elif character != "\a":
            if self.place == COLUMNS:
                self._feed()
            row = self.rows[self.row]
            self.rows[self.row] = row[: self.place] + character + row[self.place + 1 :]
            self.place += 1


@pytest.fixture(scope="module")
def display() -> Display:
    return Display(TEXT_MODE)


def test_starting_blanks_the_screen(display: Display) -> None:
    display.start()
    assert display.cells == bytes([ord(" "), NORMAL]) * (ROWS * COLUMNS)
    assert display.cursor == (0, 0)


@given(row=st.integers(0, ROWS - 1), text=TEXT)
def test_text_wraps_and_scrolls(display: Display, row: int, text: str) -> None:
    display.start()
    model = Model()
    for one in (display, model):
        one.write("\n" * row + text)
    assert display.rows == model.rows
    assert display.cursor == (model.row, model.column)


def test_colours_are_those_set_when_a_character_is_written(display: Display) -> None:
    display.start()
    display.set_colour(Colour.LIGHT_RED)
    display.write("p")
    display.set_colour(NORMAL)
    display.write("q")
    assert display.cells[:4] == bytes([ord("p"), Colour.LIGHT_RED, ord("q"), NORMAL])


def test_scrolling_moves_colours_too(display: Display) -> None:
    display.start()
    display.write("\n")
    display.set_colour(Colour.GREEN)
    display.write("go" + "\n" * (ROWS - 1))
    assert display.cells[:4] == bytes([ord("g"), Colour.GREEN, ord("o"), Colour.GREEN])
    assert display.cells[-2:] == bytes([ord(" "), NORMAL])


def test_characters_are_those_of_the_vga(display: Display) -> None:
    display.start()
    display.write("é┌█▒ÿ")
    assert display.cells[:10:2].decode("cp437") == "é┌█▒ÿ"


@pytest.mark.parametrize("unknown", ["€", "𝄞", "\u2550\u00c3"[1:]])
def test_what_the_vga_lacks_is_a_question_mark(display: Display, unknown: str) -> None:
    display.start()
    display.write(f"{unknown}.")
    assert display.cells[:4:2] == b"?."


def test_control_characters_show_nothing(display: Display) -> None:
    display.start()
    display.write("\x01\x7f.")
    assert display.cells[:4:2] == b". "


@pytest.mark.parametrize("mode", [GRAPHICS_MODE, NO_DEVICE])
def test_without_text_mode_nothing_is_written(mode: int) -> None:
    display = Display(mode)
    display.start()
    display.write("hidden\n")
    assert not any(display.cells)
