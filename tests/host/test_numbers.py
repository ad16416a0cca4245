"""Text as numbers; `test_format` has numbers as text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.text.numbers import Numbers
from pykasm.hostrun import Host

REFUSED = (0, 0)


class Parser:
    """The routine, called with text."""

    def __init__(self) -> None:
        self.numbers = Numbers()
        self.host = Host(self.numbers)

    def parse(self, text: str) -> tuple[int, int]:
        """Value and success."""
        self.host.reset()
        value, good = self.host.call(self.numbers.parse, text)
        return value, good


@pytest.fixture(scope="module")
def parser() -> Parser:
    return Parser()


@given(value=st.integers(0, (1 << 64) - 1))
def test_decimal_is_read(parser: Parser, value: int) -> None:
    assert parser.parse(str(value)) == (value, 1)


@given(value=st.integers(0, (1 << 64) - 1), prefix=st.sampled_from(["0x", "0X"]))
def test_hexadecimal_is_read_in_both_cases(parser: Parser, value: int, prefix: str) -> None:
    assert parser.parse(f"{prefix}{value:x}") == (value, 1)
    assert parser.parse(f"{prefix}{value:X}") == (value, 1)


@given(value=st.integers(1 << 64, 1 << 70))
def test_more_than_64_bits_are_refused(parser: Parser, value: int) -> None:
    assert parser.parse(str(value)) == REFUSED
    assert parser.parse(hex(value)) == REFUSED


@given(text=st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=20))
def test_what_python_takes_for_a_number_is_one(parser: Parser, text: str) -> None:
    plain = text.isalnum() and not text.lower().startswith(("0o", "0b"))
    try:
        value = int(text, 16 if text.lower().startswith("0x") else 10) if plain else -1
    except ValueError:
        value = -1
    expected = (value, 1) if 0 <= value < 1 << 64 else REFUSED
    assert parser.parse(text) == expected


@pytest.mark.parametrize("text", ["", "0x", "-1", "+1", "1_000", "12 ", "0x1g", "ff", "x10"])
def test_what_is_no_number_is_refused(parser: Parser, text: str) -> None:
    assert parser.parse(text) == REFUSED
