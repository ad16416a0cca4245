"""Names and source lines for the addresses of a linked kernel, and the way back."""

from __future__ import annotations

from bisect import bisect_right
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from pykasm.errors import PykasmError
from pykasm.link.symbols import LinkedSymbol, read_symbols
from pykasm.machine.lines import LineTable
from pykasm.objects.model import SymbolKind
from pykasm.source import Source


class UnknownSymbol(PykasmError):
    """A name or an address that belongs to no symbol."""


class Location(NamedTuple):
    """An address as people say it: `offset` bytes into `symbol`, and the source line of code."""

    symbol: LinkedSymbol
    offset: int
    source: Source | None

    def __str__(self) -> str:
        text = f"{self.symbol.name}+{self.offset:#x}"
        return f"{text} {self.source}" if self.source else text


class SymbolTable:
    """The symbols of a linked ELF file, by address and by name."""

    def __init__(self, symbols: list[LinkedSymbol], lines: LineTable) -> None:
        self.symbols = sorted(symbols, key=lambda symbol: (symbol.address, symbol.size))
        self.lines = lines

    @classmethod
    def from_elf(cls, file: Path, root: Path | None = None) -> SymbolTable:
        """The symbols of `file`, whose relative source paths start at `root` (the working
        directory if left out)."""
        if not file.exists():
            raise PykasmError(f"{file} does not exist: build the kernel first")
        return cls(
            [symbol for symbol in read_symbols(file) if symbol.defined],
            LineTable(file, root or Path.cwd()),
        )

    def lookup(self, address: int) -> Location:
        """The function or datum that `address` lies in; `UnknownSymbol` if there is none."""
        index = bisect_right(self._addresses, address) - 1
        if index >= 0:
            symbol = self._sized[index]
            if address < symbol.address + symbol.size:
                code = symbol.kind is SymbolKind.FUNC
                source = self.lines.source(address) if code else None
                return Location(symbol, address - symbol.address, source)
        raise UnknownSymbol(f"{address:#x} is in no function or datum of the kernel")

    def named(self, name: str) -> LinkedSymbol:
        """The symbol called `name`; `UnknownSymbol` says what it may have meant."""
        found = self._by_name.get(name)
        if found is None:
            close = get_close_matches(name, self._by_name, n=3)
            meant = f"; did you mean {' or '.join(f'`{each}`' for each in close)}?" if close else ""
            raise UnknownSymbol(f"there is no symbol `{name}`{meant}")
        return found

    def address(self, name: str) -> int:
        """The address of the symbol called `name`."""
        return self.named(name).address

    @cached_property
    def _by_name(self) -> dict[str, LinkedSymbol]:
        return {symbol.name: symbol for symbol in self.symbols}

    @cached_property
    def _sized(self) -> list[LinkedSymbol]:
        """Functions and data, not the bounds of sections and other mere places."""
        return [symbol for symbol in self.symbols if symbol.size]

    @cached_property
    def _addresses(self) -> list[int]:
        return [symbol.address for symbol in self._sized]
