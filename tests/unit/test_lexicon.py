"""`from pykasm import *` brings all words."""

from __future__ import annotations

from types import ModuleType

import pytest

import pykasm
from pykasm.lexicon import WORDS, words_mentioned
from pykasm.mentions import Rest, mentioned, names_known_in


def test_whoever_takes_all_gets_all_words() -> None:
    space: dict[str, object] = {"mov": "something else"}
    exec("from pykasm import *\nlea = 'mine'", space)
    assert {name: space[name] for name in WORDS} == {**WORDS, "lea": "mine"}


def test_the_names_of_all_words_are_listed() -> None:
    assert callable(pykasm.mov)  # brings them
    assert [*pykasm.__all__] == [*WORDS]


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A module that mentions `mov` in its text and in an annotation `U64`."""
    text = "from pykasm import *\nfirst: 'Ptr[U64]' = mov"
    numbers = words_mentioned(text)
    assert numbers is not None
    monkeypatch.setitem(mentioned, "sample", numbers)
    made = ModuleType("sample")
    exec(text, vars(made))
    return made


def test_a_module_gets_the_words_that_it_mentions(module: ModuleType) -> None:
    assert {"mov", "Ptr", "U64"} <= vars(module).keys()
    assert "lea" not in vars(module)
    assert module.first is WORDS["mov"]


def test_the_other_words_are_there_for_who_asks(module: ModuleType) -> None:
    assert module.lea is WORDS["lea"]
    assert not hasattr(module, "__path__")
    assert not hasattr(module, "laeh")


def test_all_words_are_there_for_who_takes_all(module: ModuleType) -> None:
    assert not hasattr(module, "__all__")
    assert vars(module).keys() >= WORDS.keys()


def test_a_guess_is_made_among_all_words(module: ModuleType) -> None:
    assert isinstance(vars(module)["__getattr__"], Rest)
    assert names_known_in(vars(module)).keys() >= WORDS.keys()


@pytest.mark.parametrize("text", ["globals()", "x.__dict__", "eval('mo' + 'v')", "ｍov"])  # noqa: RUF001
def test_modules_that_may_use_words_which_they_do_not_mention(text: str) -> None:
    assert words_mentioned(text) is None
