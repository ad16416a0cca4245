"""Symbols behind the kernel addresses in a running text."""

from __future__ import annotations

import re

from pykasm.machine.symbols import SymbolTable, UnknownSymbol

_ADDRESS = re.compile(r"\b(?:0x)?(ffffffff[89a-f][0-9a-f]{7})\b(?! ?[<(])")
"""An address of the kernel image, which is linked into the top 2 GiB, unless the kernel itself
has put the symbol behind it."""

_UNFINISHED = re.compile(r"\b(?:0|(?:0x)?f{0,8}|(?:0x)?ffffffff[89a-f][0-9a-f]{0,7}) ?\Z")
"""The end of a text that may go on as an address, or as a symbol behind one."""


class Annotator:
    """Puts `<symbol+offset file:line>` behind each address of code in a text that comes in
    pieces; data stays bare, so that tables of registers stay readable. What may be the start of
    an address is held back until the next piece."""

    def __init__(self, symbols: SymbolTable) -> None:
        self._symbols = symbols
        self._held = ""

    def feed(self, piece: str) -> str:
        """The text that can be shown now that `piece` has come."""
        text = self._held + piece
        unfinished = _UNFINISHED.search(text)
        end = unfinished.start() if unfinished else len(text)
        self._held = text[end:]
        return _ADDRESS.sub(self._annotated, text[:end])

    def flush(self) -> str:
        """What was held back; to be shown when nothing has come for a moment."""
        held, self._held = self._held, ""
        return _ADDRESS.sub(self._annotated, held)

    def _annotated(self, match: re.Match[str]) -> str:
        try:
            place = self._symbols.lookup(int(match[1], 16))
        except UnknownSymbol:
            return match[0]
        return f"{match[0]} <{place}>" if place.source else match[0]
