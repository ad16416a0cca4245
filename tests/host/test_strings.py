"""Comparing strings and taking lines apart."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.text.strings import MAX_WORDS, Strings, Words
from pykasm.hostrun import Host

PRINTABLE = st.characters(min_codepoint=0x21, max_codepoint=0x7E)
LINE = st.text(PRINTABLE | st.just(" "), max_size=70)
SHORT = st.text(st.sampled_from("ab"), max_size=3)


class Bench:
    """The routines and a host."""

    def __init__(self) -> None:
        self.strings = Strings()
        self.host = Host(self.strings)


@pytest.fixture(scope="module")
def bench() -> Bench:
    return Bench()


@given(left=SHORT, right=SHORT)
def test_equal_strings(bench: Bench, left: str, right: str) -> None:
    bench.host.reset()
    assert bench.host.call(bench.strings.equal, left, right) == (left == right)


NAME = st.text(st.sampled_from("ab."), min_size=1, max_size=5)


@given(wanted=NAME | st.just("all"), name=NAME)
def test_a_name_is_selected_by_itself_its_family_and_all(
    bench: Bench, wanted: str, name: str
) -> None:
    bench.host.reset()
    expected = wanted == "all" or name == wanted or name.startswith(f"{wanted}.")
    assert bench.host.call(bench.strings.selects, wanted, name) == expected


@given(line=LINE)
def test_words_are_what_blanks_separate(bench: Bench, line: str) -> None:
    bench.host.reset()
    words = bench.host.new(Words)
    bench.host.call(bench.strings.split, line, words)
    expected = line.split()
    kept = [bench.host.read_text(one) for one in words.word[: min(words.count, MAX_WORDS)]]
    assert (words.count, kept) == (len(expected), expected[:MAX_WORDS])
