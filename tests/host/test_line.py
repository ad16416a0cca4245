"""The line editor against a model, on a model of a terminal."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.console.console import Console
from kernel.contents import CONTENTS
from kernel.monitor.history import ENTRIES
from kernel.monitor.line import MAX_LENGTH, LineEditor
from kernel.terminal.input import Input
from pykasm import Parts
from pykasm.hostrun import Host, stand_ins


class Screen:
    """One row of a terminal."""

    def __init__(self) -> None:
        self.cells: list[str] = []
        self.column = 0

    def write(self, byte: int) -> None:
        """Show a byte."""
        if byte == ord("\b"):
            assert self.column > 0, "moved out of the line"
            self.column -= 1
        elif byte != ord("\a"):
            self.cells[self.column : self.column + 1] = chr(byte)
            self.column += 1

    @property
    def text(self) -> str:
        """What is seen, without the blanks at its end."""
        return "".join(self.cells).rstrip()


@dataclass
class Model:
    """What the editor should do."""

    text: str = ""
    cursor: int = 0
    age: int = 0
    draft: str = ""
    history: list[str] = field(default_factory=list)

    def insert(self, character: str) -> None:
        if len(self.text) < MAX_LENGTH:
            self.text = self.text[: self.cursor] + character + self.text[self.cursor :]
            self.cursor += 1

    def erase(self, start: int, end: int) -> None:
        if start >= 0 and end <= len(self.text):
            self.text = self.text[:start] + self.text[end:]
            self.cursor = start

    def move(self, column: int) -> None:
        if 0 <= column <= len(self.text):
            self.cursor = column

    def erase_word(self) -> None:
        before = self.text[: self.cursor].rstrip(" ")
        self.erase(before.rfind(" ") + 1, self.cursor)

    def show(self, age: int) -> None:
        if not 0 <= age <= len(self.history):
            return
        if self.age == 0:
            self.draft = self.text
        self.text = self.history[-age] if age else self.draft
        self.cursor, self.age = len(self.text), age

    def enter(self) -> str:
        line = self.text
        if line and self.history[-1:] != [line]:
            self.history = [*self.history, line][-ENTRIES:]
        self.text, self.cursor, self.age = "", 0, 0
        return line


ACTIONS: dict[str, tuple[bytes, Callable[[Model], None]]] = {
    "left": (b"\x1b[D", lambda m: m.move(m.cursor - 1)),
    "right": (b"\x1b[C", lambda m: m.move(m.cursor + 1)),
    "home": (b"\x01", lambda m: m.move(0)),
    "end": (b"\x05", lambda m: m.move(len(m.text))),
    "backspace": (b"\x7f", lambda m: m.erase(m.cursor - 1, m.cursor)),
    "delete": (b"\x1b[3~", lambda m: m.erase(m.cursor, m.cursor + 1)),
    "erase before": (b"\x15", lambda m: m.erase(0, m.cursor)),
    "erase after": (b"\x0b", lambda m: m.erase(m.cursor, len(m.text))),
    "erase word": (b"\x17", Model.erase_word),
    "erase line": (b"\x03", lambda m: m.erase(0, len(m.text))),
    "older": (b"\x1b[A", lambda m: m.show(m.age + 1)),
    "newer": (b"\x1b[B", lambda m: m.show(m.age - 1)),
    "of no use": (b"\x1b[5~", lambda m: None),
}
CHARACTERS = st.sampled_from("ab ~")
LONG = st.sampled_from(["x" * 30, "word " * 6])
TYPED = st.lists(st.sampled_from(sorted(ACTIONS)) | CHARACTERS | LONG, max_size=12)


class Desk:
    """An editor whose console is a screen and a list of keys."""

    def __init__(self) -> None:
        parts = Parts(CONTENTS, instead=stand_ins(Input))
        console, input, self.editor = parts[Console], parts[Input], parts[LineEditor]
        self.host = Host(self.editor)
        self.host.stub(console.write_byte, self.show)
        self.host.stub(input.read, lambda reader: next(self.keys))
        self.host.checkpoint()
        self.keys: Iterator[int] = iter(())

    def start(self) -> None:
        """Begin with an empty history."""
        self.host.reset()
        self.model = Model()

    def show(self, byte: int) -> None:
        """Answer for the console's output."""
        if byte != ord("\n"):
            self.screen.write(byte)

    def type_line(self, typed: list[str]) -> tuple[str, str]:
        """What the editor returns for `typed` and Return, and what the model does."""
        self.screen = Screen()
        self.keys = self.sent(typed)
        line = self.host.read_text(self.host.call(self.editor.read))
        return line, self.model.enter()

    def sent(self, typed: list[str]) -> Iterator[int]:
        """The bytes of the keys; before each key, the screen is compared with the model."""
        for one in typed:
            if one in ACTIONS:
                sent, action = ACTIONS[one]
                yield from sent
                action(self.model)
            else:
                for character in one:
                    yield ord(character)
                    self.model.insert(character)
            seen = (self.screen.text, self.screen.column)
            assert seen == (self.model.text.rstrip(), self.model.cursor), f"after {one!r}"
        yield ord("\r")


@pytest.fixture(scope="module")
def desk() -> Desk:
    return Desk()


@given(lines=st.lists(TYPED, min_size=1, max_size=3))
def test_lines_come_out_as_edited_and_look_so_all_the_time(
    desk: Desk, lines: list[list[str]]
) -> None:
    desk.start()
    for typed in lines:
        line, expected = desk.type_line(typed)
        assert line == expected


def typed_line(desk: Desk, *typed: str) -> str:
    """What the editor returns for these keys with an empty history."""
    desk.start()
    return desk.type_line(list(typed))[0]


def test_characters_go_in_before_the_cursor(desk: Desk) -> None:
    assert typed_line(desk, "pek", "left", "e") == "peek"


def test_backspace_takes_the_character_before_the_cursor(desk: Desk) -> None:
    assert typed_line(desk, "memx", "left", "backspace") == "mex"


def test_delete_takes_the_character_at_the_cursor(desk: Desk) -> None:
    assert typed_line(desk, "xmem", "home", "delete") == "mem"


def test_a_word_is_erased_with_the_blanks_behind_it(desk: Desk) -> None:
    assert typed_line(desk, "sym Console.print  ", "erase word") == "sym "


def test_the_rest_of_the_line_is_erased(desk: Desk) -> None:
    assert typed_line(desk, "mem junk", "home", "right", "right", "right", "erase after") == "mem"


def test_the_start_of_the_line_is_erased(desk: Desk) -> None:
    assert typed_line(desk, "junk mem", "left", "left", "left", "erase before") == "mem"


def test_a_full_line_takes_no_more(desk: Desk) -> None:
    assert typed_line(desk, "a" * (MAX_LENGTH + 5)) == "a" * MAX_LENGTH


def test_what_was_typed_before_comes_back(desk: Desk) -> None:
    desk.start()
    desk.type_line(["mem"])
    desk.type_line(["regs"])
    assert desk.type_line(["older", "older"])[0] == "mem"


def test_the_new_line_comes_back_after_the_history(desk: Desk) -> None:
    desk.start()
    desk.type_line(["mem"])
    assert desk.type_line(["re", "older", "newer", "gs"])[0] == "regs"


def test_a_line_given_again_is_kept_once(desk: Desk) -> None:
    desk.start()
    for line in ("mem", "regs", "regs", ""):
        desk.type_line([line])
    assert desk.type_line(["older", "older"])[0] == "mem"


def test_the_history_forgets_its_oldest_line(desk: Desk) -> None:
    desk.start()
    for number in range(ENTRIES + 1):
        desk.type_line([str(number)])
    assert desk.type_line(["older"] * (ENTRIES + 5))[0] == "1"
