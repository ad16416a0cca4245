"""What terminals do with what is written to them, against pyte."""

from __future__ import annotations

import pyte
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernel.console.cell import COLOUR_SHIFT, GLYPH_MASK, MAX_COLUMNS
from kernel.console.emulator import Emulator
from kernel.console.glyphs import CHARACTERS
from kernel.console.renditions import rgb_of
from kernel.console.screen import TextScreen
from kernel.console.screenmode import Parsing
from kernel.console.screenstate import ANSWER_SIZE, Screen
from kernel.console.scrollback import Scrollback
from kernel.contents import CONTENTS
from kernel.text.colour import NORMAL, Colour
from pykasm import *
from pykasm.hostrun import Host
from tests.host.linuxscreen import VGA, LinuxScreen
from tests.host.screen_support import Author

COLUMNS, ROWS = 20, 7
"""Small, so that much happens at the edges."""
CONSOLE = 2
DATA = 4096
"""Bytes that are written at once, at most."""


class Desk:
    """The screen of a virtual console, which is shown nowhere."""

    def __init__(self) -> None:
        parts = Parts(CONTENTS)
        self.screens = parts[TextScreen]
        self.author = Author(self.screens, parts[Emulator])
        self.emulator, self.scrollback = parts[Emulator], parts[Scrollback]
        self.host = Host(self.author)
        self.host[self.screens.columns], self.host[self.screens.rows] = COLUMNS, ROWS
        self.data = self.host.bytes(bytes(DATA))
        self.host.call(self.emulator.start)
        self.start()

    def start(self, shown: bool = False) -> None:
        """Begin anew."""
        first = int(self.host.address(self.screens.screens))
        self.place = first + CONSOLE * sizeof(Screen)
        self.host[self.screens.shown] = self.place if shown else first
        self.host.call(self.emulator.start_console, self.place)

    def write(self, data: bytes) -> None:
        """Write all of it."""
        assert len(data) <= DATA
        self.host.write(int(self.data), data)
        self.host.call(self.author.write_bytes, self.place, self.data, len(data))

    def number(self, name: str) -> int:
        """A field."""
        return int.from_bytes(self.host.read(self.place + offsetof(Screen, name), 4), "little")

    @property
    def cursor(self) -> tuple[int, int]:
        """Row and column."""
        return self.number("row"), self.number("column")

    def cells(self, rows: int = ROWS) -> list[tuple[str, int]]:
        """Characters and colours, row by row."""
        start = self.place + offsetof(Screen, "cells")
        data = self.host.read(start, 2 * MAX_COLUMNS * rows)
        found = [int.from_bytes(data[n : n + 2], "little") for n in range(0, len(data), 2)]
        return [
            (CHARACTERS[cell & GLYPH_MASK], cell >> COLOUR_SHIFT)
            for row in range(rows)
            for cell in found[row * MAX_COLUMNS :][:COLUMNS]
        ]

    def rows(self) -> list[str]:
        """The text."""
        text = "".join(character for character, _ in self.cells())
        return [text[n : n + COLUMNS].rstrip() for n in range(0, len(text), COLUMNS)]

    def attribute(self) -> int:
        """The colours of what is written next."""
        return self.number("attribute") >> COLOUR_SHIFT

    def answers(self) -> str:
        """What was answered."""
        data = self.host.read(self.place + offsetof(Screen, "answer"), ANSWER_SIZE)
        return data[: self.number("answered")].decode()


@pytest.fixture(scope="module")
def desk() -> Desk:
    return Desk()


def csi(last: str, *limits: int) -> st.SearchStrategy[str]:
    """Sequences that end with `last`, with numbers up to these, or fewer."""
    numbers = st.tuples(*(st.integers(0, most).map(str) | st.just("") for most in limits))
    return numbers.map(lambda found: f"\x1b[{';'.join(found).rstrip(';')}{last}")


COLOURS = [0, 1, 3, 4, 7, 22, 23, 24, 27, *range(30, 38), 39, *range(40, 48), 49, *range(100, 108)]
"""What both understand alike; others are tested by themselves below."""
TEXTS = st.one_of(
    st.text("abcXYZ 0189~^", min_size=1, max_size=8),
    st.sampled_from(["é", "─┼", "█▒", "€", "x" * COLUMNS, "y" * (COLUMNS - 1), "w" * 50]),
)
CONTROLS = st.sampled_from([*"\r\n\b\t\v\f\a", "\r\n" * 3, "\t\t\t"])
MOVES = st.one_of(*(csi(last, 25) for last in "ABCDEFGdea"), *(csi(last, 9, 25) for last in "Hf"))
EDITS = st.one_of(
    *(csi(last, 9) for last in "LM"), *(csi(last, 25) for last in "@PX"), csi("K", 2), csi("J", 2)
)
REGIONS = csi("r", 9, 9)
RENDITIONS = st.lists(st.sampled_from(COLOURS), max_size=4).map(
    lambda found: f"\x1b[{';'.join(map(str, found))}m"
)
MODES = st.sampled_from(
    [f"\x1b[{mode}{last}" for mode in ("4", "20", "?6", "?7", "?25", "?1") for last in "hl"]
)
OTHERS = st.sampled_from(
    [
        *(
            "\x1bD",
            "\x1bE",
            "\x1bM",
            "\x1bH",
            "\x1b7",
            "\x1b8",
            "\x1b#8",
            "\x1bc",
            "\x1b[g",
            "\x1b[3g",
        ),
        *(
            "\x1b(0",
            "\x1b(B",
            "\x1b)0",
            "\x1b)B",
            "\x0e",
            "\x0f",
            "lqqk",
            "\x1b[c",
            "\x1b[5n",
            "\x1b[6n",
        ),
        *("\x1b[2\n3C", "\x1b[1\b;2H", "\x1b]0;title\x07", "\x1b]2;title\x1b\\", "\x1b=", "\x1b>"),
    ]
)
PIECES = st.one_of(TEXTS, TEXTS, CONTROLS, MOVES, EDITS, EDITS, REGIONS, RENDITIONS, MODES, OTHERS)


def compare(desk: Desk, pieces: list[str]) -> None:
    """Write them here and there, and compare all that is seen."""
    desk.start()
    screen = LinuxScreen(COLUMNS, ROWS)
    stream = pyte.Stream(screen)
    stream.use_utf8 = False  # so that it knows the character sets, as a VT102
    for piece in pieces:
        desk.write(piece.encode())
        stream.feed(piece)
        assert desk.cursor == (screen.cursor.y, min(screen.cursor.x, COLUMNS - 1)), piece
    assert desk.cells() == screen.cells()
    assert desk.number("wraps") == (screen.cursor.x == COLUMNS)
    assert desk.answers() == screen.answers[:ANSWER_SIZE]
    assert bool(desk.number("modes") & 1 << 5) is not screen.cursor.hidden


@given(st.lists(PIECES, max_size=30))
@settings(deadline=None)
def test_texts_and_sequences_do_what_pyte_does(desk: Desk, pieces: list[str]) -> None:
    compare(desk, pieces)


@given(
    st.binary(max_size=200)
    | st.lists(st.sampled_from(b"\x1b[]()?;0123mhlHJKr#%P\a\n\xc3\xa9")).map(bytes)
)
@settings(deadline=None)
def test_no_bytes_lead_out_of_the_screen(desk: Desk, data: bytes) -> None:
    """Nothing else in memory changes, and after a reset all is as at first."""
    desk.start()
    fresh = desk.host.read(desk.place, sizeof(Screen))
    neighbours = (desk.place - sizeof(Screen), desk.place + sizeof(Screen))
    before = [desk.host.read(place, sizeof(Screen)) for place in neighbours]
    desk.write(data)
    row, column = desk.cursor
    assert row < ROWS
    assert column < COLUMNS
    assert 0 <= desk.number("top") < desk.number("bottom") <= ROWS
    assert [desk.host.read(place, sizeof(Screen)) for place in neighbours] == before
    desk.write(b"\x18\x1bc")
    cells = offsetof(Screen, "cells")
    assert desk.host.read(desk.place, sizeof(Screen))[cells:] == fresh[cells:]
    assert desk.attribute() == NORMAL


# What pyte knows nothing of


def test_sequences_are_cancelled_and_begun_anew(desk: Desk) -> None:
    desk.start()
    desk.write(b"\x1b[3\x18a\x1b[3\x1ab\x1b[9\x1b[2Cc\x1b[ qd\x1b[?9999he\x1b[[Af\x1b%Gg")
    assert desk.rows()[0] == "ab  cdefg"


@pytest.mark.parametrize("string", [b"P1;2|ab\n", b"_ab\r", b"^ab\b", b"]2;ab\t"])
def test_strings_are_left_out(desk: Desk, string: bytes) -> None:
    for end in (b"\a", b"\x1b\\"):
        desk.start()
        desk.write(b"\x1b" + string + end + b"c")
        assert desk.rows()[0] == "c"
        assert desk.cursor == (0, 1)


def test_colours_of_the_palette_are_left_out(desk: Desk) -> None:
    desk.start()
    desk.write(b"\x1b]P0123456a\x1b]Rb")
    assert desk.rows()[0] == "ab"


def test_the_cursor_is_saved_and_restored_by_sequences_of_the_pc(desk: Desk) -> None:
    desk.start()
    desk.write(b"ab\x1b[s\x1b[5;5Hcd\x1b[u!\x1b[9`?")
    assert desk.rows()[0] == "ab!     ?"


def test_the_screen_is_reversed(desk: Desk) -> None:
    desk.start()
    desk.write(b"a\x1b[31mb\x1b[?5h\x1b[?5hc")
    reversed_red = Colour.RED << 4 | Colour.BLACK
    assert [colours for _, colours in desk.cells()[:4]] == [
        *(NORMAL << 4, reversed_red, reversed_red, NORMAL << 4),
    ]
    desk.write(b"\x1b[?5l")
    assert [colours for _, colours in desk.cells()[:4]] == [
        *(NORMAL, Colour.RED, Colour.RED, NORMAL),
    ]


def test_code_page_437_can_be_asked_for(desk: Desk) -> None:
    desk.start()
    desk.write(b"\x1b[11m\xc4\xda\xe9\x1b[10m\xc3\xa9")
    assert desk.rows()[0] == "─┌?é"


@pytest.mark.parametrize("number", range(256))
def test_colours_by_number_are_like_what_is_asked_for(desk: Desk, number: int) -> None:
    desk.start()
    desk.write(f"\x1b[38;5;{number};48;5;{number}m".encode())
    red, green, blue = rgb_of(number)
    assert desk.attribute() == background(red, green, blue) << 4 | foreground(red, green, blue)


@given(st.tuples(*(st.integers(0, 255),) * 3))
@settings(deadline=None)
def test_mixed_colours_are_like_what_is_asked_for(desk: Desk, parts: tuple[int, int, int]) -> None:
    desk.start()
    values = ";".join(map(str, parts))
    desk.write(f"\x1b[38;2;{values};48;2;{values}m".encode())
    assert desk.attribute() == background(*parts) << 4 | foreground(*parts)


def foreground(red: int, green: int, blue: int) -> int:
    """The nearest of the 16 (Linux: rgb_foreground)."""
    largest = max(red, green, blue)
    bits = (4, red), (2, green), (1, blue)
    hue = sum(bit for bit, part in bits if part > largest // 2)
    if hue == 7 and largest <= 0x55:
        return Colour.DARK_GREY
    return hue | 8 * (largest > 0xAA)


def background(red: int, green: int, blue: int) -> int:
    """One of the first 8 (Linux: rgb_background)."""
    return sum(bit for bit, part in ((4, red), (2, green), (1, blue)) if part & 0x80)


@pytest.mark.parametrize(
    ("said", "seen"),
    [
        ("2", Colour.DARK_GREY),
        ("21", Colour.CYAN),
        ("2;22", NORMAL),
        ("91", Colour.LIGHT_RED),
        ("94;22", Colour.BLUE),
        ("97;7", NORMAL << 4 | Colour.DARK_GREY),
        ("31;42;39", Colour.GREEN << 4 | NORMAL),
        ("31;42;49", Colour.RED),
        ("38", NORMAL),
        ("38;5", NORMAL),
        ("38;2;1;1", NORMAL | 8),
        ("38;5;256", NORMAL),
        ("5;25;8;999", NORMAL),
        *((f"{30 + n}", VGA[n]) for n in range(8)),
        *((f"{40 + n}", VGA[n] << 4 | NORMAL) for n in range(8)),
    ],
)
def test_renditions_are_those_of_linux(desk: Desk, said: str, seen: int) -> None:
    desk.start()
    desk.write(f"\x1b[{said}m".encode())
    assert desk.attribute() == seen


def test_rows_that_leave_the_screen_can_be_seen_again(desk: Desk) -> None:
    desk.start(shown=True)
    desk.write("".join(f"\r\n{number}" for number in range(300)).encode())
    assert desk.host.call(desk.scrollback.move, 3)
    rows = MAX_COLUMNS * 2
    place = int(desk.host.call(desk.scrollback.find, 0))
    text = desk.host.read(place, rows)
    assert [CHARACTERS[n & 0xFF] for n in text[:6:2]] == [*"290"]
    assert desk.host.call(desk.scrollback.move, 1000)
    assert desk.host[desk.scrollback.offset] == 256
    assert not desk.host.call(desk.scrollback.move, 1)
    desk.write(b"!")
    assert desk.host[desk.scrollback.offset] == 0
    desk.write(b"\x1b[3J")
    assert not desk.host.call(desk.scrollback.move, 1)


def test_bytes_may_come_one_by_one(desk: Desk) -> None:
    text = "\x1b[2;3Hé\x1b[31m─"
    desk.start()
    for byte in text.encode():
        desk.write(bytes([byte]))
    assert desk.rows()[1] == "  é─"
    assert desk.number("parsing") & 0xFF == Parsing.TEXT
