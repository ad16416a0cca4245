"""References to what has a symbol, or a label's place in the same code."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from pykasm.isa.code import Label


class SymbolReference(NamedTuple):
    """The address of something that has a symbol, plus `addend` bytes.

    `symbol` gives the name; it is asked when code is emitted, after naming.
    """

    symbol: Callable[[], str] | Label
    addend: int = 0

    def _target(self) -> str | Label:
        return self.symbol if isinstance(self.symbol, Label) else self.symbol()

    def _plus(self, distance: int) -> SymbolReference:
        return SymbolReference(self.symbol, self.addend + distance)
