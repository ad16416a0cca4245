"""Addresses as people type them."""

from kernel.text.numbers import Numbers
from kernel.text.symbols import Symbols
from pykasm import *


class Addresses(Subsystem):
    """Reads words that name an address; touches nothing else, so any context may call it."""

    def __init__(self, numbers: Numbers, symbols: Symbols) -> None:
        self.numbers = numbers
        self.symbols = symbols

    @function
    def read(self, word: Keep[Ptr[U8]]) -> tuple[U64, U32]:
        """The address that `word` names, by number or as a symbol, and 1; or 0 and 0."""
        number, good = self.numbers.parse(word)
        with if_(good != 0):
            ret(number, good)
        address = self.symbols.find(word)
        with if_(address == 0):
            ret(0, 0)
        ret(address, 1)
