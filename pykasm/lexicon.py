"""All words of the language by their names, as `from pykasm import *` brings them."""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterator

import pykasm.wiring as wiring
from pykasm.lang import mnemonics, registers, words
from pykasm.mentions import Rest, mentioned, names_mentioned

MODULES = (mnemonics, registers, words, wiring)

WORDS: dict[str, object] = {
    name: getattr(module, name) for module in MODULES for name in module.__all__
}
"""What the names stand for; where two have one, the later counts."""


_ITEMS = tuple(WORDS.items())
_NUMBERS = {name: number for number, name in enumerate(WORDS)}


def words_mentioned(text: str) -> bytes | None:
    """The numbers of the words in a module's `text`, for `mentioned`; None if it may use others."""
    names = names_mentioned(text)
    if names is None:
        return None
    return array("H", sorted(_NUMBERS[name] for name in names & WORDS.keys())).tobytes()


class Names:
    """The names of what a package has for those who take all, in its `__all__`.

    Each time that somebody does, Python asks of each name whether it is that of a module which has
    yet to be imported, twice, and then for what it stands for. With 2,000 names in 300 modules that
    takes longer than all else that these import. So whoever takes all gets all at the first
    question.
    """

    __slots__ = ()

    def __iter__(self) -> Iterator[str]:
        """All names; but Python's import system finds none to look for, as no word is a module."""
        asks = sys._getframe(1).f_globals.get("__name__")
        return iter(() if asks == "importlib._bootstrap" else WORDS)

    def __getitem__(self, number: int) -> str:
        """Give the module all words that takes them, or those that it mentions: only `import *`
        asks by numbers (Python Reference, 7.11). It ends at the error."""
        names = sys._getframe(1).f_locals
        numbers = mentioned.get(names.get("__name__", ""))
        if numbers is not None:
            names.update(map(_ITEMS.__getitem__, array("H", numbers)))
            names["__getattr__"] = Rest(names, WORDS)
            raise IndexError(number)
        own = {**names}
        names.clear()  # an empty dictionary takes over the table of another one as a whole
        names.update(WORDS)
        names.update((name, own[name]) for name in own.keys() - WORDS.keys())
        raise IndexError(number)


NAMES = Names()
