"""Characters from bytes, against Python's own decoder."""

from hypothesis import given
from hypothesis import strategies as st

from kernel.text.utf8 import INCOMPLETE, REPLACEMENT, Utf8Decoder
from kernel.text.utf8state import Utf8State
from pykasm.hostrun import Host

decoder = Utf8Decoder()
host = Host(decoder)
host.checkpoint()


def decoded(data: bytes) -> list[int]:
    """What comes of `data`, byte by byte."""
    host.reset()
    state = host.new(Utf8State)
    answers = [host.call(decoder.decode, state, byte) for byte in data]
    return [answer for answer in answers if answer != INCOMPLETE]


@given(st.text())
def test_text_comes_back(text: str) -> None:
    data = text.encode("utf-8", "ignore")
    assert decoded(data) == [ord(one) for one in data.decode()]


@given(st.binary(), st.text(min_size=1))
def test_damage_ends_with_the_next_character(damage: bytes, text: str) -> None:
    data = text.encode("utf-8", "ignore")
    characters = [ord(one) for one in data.decode()]
    assert decoded(damage + b"." + data)[-len(characters) - 1 :] == [ord("."), *characters]


def test_bytes_that_belong_to_nothing_are_replaced() -> None:
    assert decoded(b"\x80a\xbf") == [REPLACEMENT, ord("a"), REPLACEMENT]
