"""Decoding what terminals send for keys."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.monitor.keys import CONTROLS, Key, Keys
from pykasm.hostrun import Host

ESC = "\x1b"


class Terminal:
    """The decoder, fed with bytes."""

    def __init__(self) -> None:
        self.keys = Keys()
        self.host = Host(self.keys)

    def decode(self, sent: bytes) -> list[int]:
        """The keys in `sent`, from a fresh start."""
        self.host.reset()
        decoded = [self.host.call(self.keys.decode, byte) for byte in sent]
        return [key for key in decoded if key != Key.NONE]


@pytest.fixture(scope="module")
def terminal() -> Terminal:
    return Terminal()


def test_printable_characters_are_themselves(terminal: Terminal) -> None:
    printable = bytes(range(0x20, 0x7F))
    assert terminal.decode(printable) == list(printable)


@pytest.mark.parametrize(("letter", "key"), CONTROLS.items())
def test_control_characters(terminal: Terminal, letter: str, key: Key) -> None:
    assert terminal.decode(bytes([ord(letter) - 0x40])) == [key]


@pytest.mark.parametrize(
    ("sent", "key"),
    [
        ("[A", Key.OLDER),
        ("[B", Key.NEWER),
        ("[C", Key.RIGHT),
        ("[D", Key.LEFT),
        ("OA", Key.OLDER),
        ("OD", Key.LEFT),
        ("[H", Key.HOME),
        ("[F", Key.END),
        ("OH", Key.HOME),
        ("OF", Key.END),
        ("[1~", Key.HOME),
        ("[7~", Key.HOME),
        ("[4~", Key.END),
        ("[8~", Key.END),
        ("[3~", Key.DELETE),
        ("[1;5D", Key.LEFT),
        ("[3;5~", Key.DELETE),
    ],
)
def test_editing_keys(terminal: Terminal, sent: str, key: Key) -> None:
    assert terminal.decode((ESC + sent).encode()) == [key]


@pytest.mark.parametrize(
    "sent", ["[2~", "[5~", "[15~", "[31~", "[Z", "OP", "x", "[1;2;3q", "[~", "O~"]
)
def test_other_keys_do_nothing(terminal: Terminal, sent: str) -> None:
    assert terminal.decode((ESC + sent + "a").encode()) == [ord("a")]


def test_a_sequence_knows_nothing_of_the_one_before(terminal: Terminal) -> None:
    assert terminal.decode(b"\x1b[3~\x1b[~") == [Key.DELETE]


def test_delete_is_what_terminals_send_for_backspace(terminal: Terminal) -> None:
    assert terminal.decode(b"\x7f") == [Key.BACKSPACE]


def test_return_and_line_feed_are_one_key(terminal: Terminal) -> None:
    assert terminal.decode(b"\r\n\n\r\r") == [Key.ENTER] * 4


@given(sent=st.binary(max_size=20))
def test_enter_is_never_lost(terminal: Terminal, sent: bytes) -> None:
    assert terminal.decode(sent + b"\r")[-1] == Key.ENTER


@given(sent=st.binary(max_size=20))
def test_all_that_comes_out_is_a_key(terminal: Terminal, sent: bytes) -> None:
    assert set(terminal.decode(sent)) <= {*range(0x20, 0x7F), *Key}


@given(sent=st.lists(st.sampled_from([b"\x1b", b"[", b"O", b"3", b";", b"~", b"A"]), max_size=12))
def test_a_control_character_starts_afresh(terminal: Terminal, sent: list[bytes]) -> None:
    assert terminal.decode(b"".join(sent) + b"\x01" + b"A")[-2:] == [Key.HOME, ord("A")]
