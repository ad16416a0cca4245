"""`from pykasm import *` brings all words."""

from __future__ import annotations

import pykasm
from pykasm.lexicon import WORDS


def test_whoever_takes_all_gets_all_words() -> None:
    space: dict[str, object] = {"mov": "something else"}
    exec("from pykasm import *\nlea = 'mine'", space)
    assert {name: space[name] for name in WORDS} == {**WORDS, "lea": "mine"}


def test_the_names_of_all_words_are_listed() -> None:
    assert callable(pykasm.mov)  # brings them
    assert [*pykasm.__all__] == [*WORDS]
