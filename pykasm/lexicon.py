"""All words of the language by their names, as `from pykasm import *` brings them."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pykasm.wiring as wiring
from pykasm.lang import mnemonics, registers, words


class Names(tuple[str, ...]):
    """The names of what a package has for those who take all.

    Each time that somebody does, Python asks of each name whether it is that of a module which has
    yet to be imported, twice. With 2,000 names in 300 modules that takes longer than all else that
    these import. No word is a module.
    """

    __slots__ = ()

    def __iter__(self) -> Iterator[str]:
        """As that of tuples, but for Python's import system, which finds nothing to look for."""
        asks = sys._getframe(1).f_globals.get("__name__")
        return iter(()) if asks == "importlib._bootstrap" else super().__iter__()


MODULES = (mnemonics, registers, words, wiring)

NAMES = Names(name for module in MODULES for name in module.__all__)

WORDS: dict[str, object] = {
    name: getattr(module, name) for module in MODULES for name in module.__all__
}
"""What the names stand for; where two have one, the later counts."""
