"""Where in the code under test an instruction stands."""

from __future__ import annotations

from typing import NamedTuple

from pykasm.source import Source


class Position(NamedTuple):
    """An instruction: its address, its function with the offset in it, and its source line."""

    address: int
    function: str
    offset: int
    source: Source

    def __str__(self) -> str:
        return f"{self.function}+{self.offset:#x}"
