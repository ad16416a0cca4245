"""Which words a module gets by `from pykasm import *`: those that its text mentions.

There are 2,000 of them, and to give all to each of a thousand modules takes a sixth of the time in
which these are imported. The others come when somebody asks the module for one, or for all.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

mentioned: dict[str, bytes] = {}
"""What `pykasm.lexicon` has of the words in the texts of modules, by the modules' names; of others
nobody knows which they need, and they get all at once."""

_NAME = re.compile(r"\w+", re.ASCII)

REFLECTIVE = frozenset(
    {
        *("eval", "exec", "globals", "locals", "vars", "dir"),
        *("__dict__", "__getattr__", "__globals__"),
    }
)
"""Names by which code may come at words that it does not mention."""


def names_mentioned(text: str) -> frozenset[str] | None:
    """All names in a module's `text`, wherever they stand; None if it may also use others."""
    if not text.isascii():  # Python takes several letters for the same one
        return None
    names = frozenset(_NAME.findall(text))
    return names if REFLECTIVE.isdisjoint(names) else None


class Rest:
    """The `__getattr__` of a module with these `names` (Python Reference, 3.3.2.1): brings it the
    rest of all `words`."""

    __slots__ = ("_names", "_words")

    def __init__(self, names: dict[str, Any], words: Mapping[str, object]) -> None:
        self._names = names
        self._words = words

    def __call__(self, name: str) -> object:
        """What `name` is in the module. `__all__` is asked for by who takes all."""
        if not name.startswith("__") or name == "__all__":
            self.bring()
        if name not in self._names:
            module = self._names["__name__"]
            raise AttributeError(f"module {module!r} has no attribute {name!r}", name=name)
        return self._names[name]

    def bring(self) -> None:
        """Bring the words that are not there yet."""
        for word, value in self._words.items():
            self._names.setdefault(word, value)


def names_known_in(names: dict[str, Any]) -> dict[str, Any]:
    """The `names` of a module, with all words if it takes them from the language."""
    rest = names.get("__getattr__")
    if isinstance(rest, Rest):
        rest.bring()
    return names
