"""Addresses as they are typed: numbers and symbols."""

from kernel.text.numbers import Numbers
from kernel.text.symbols import Symbols
from pykasm import *


class Addresses(Subsystem):
    """Parse words that name an address. Context: any; no state is kept."""

    def __init__(self, numbers: Numbers, symbols: Symbols) -> None:
        self.numbers = numbers
        self.symbols = symbols

    @function
    def read(self, word: Keep[Ptr[U8]]) -> tuple[U64, Bool]:
        """Return the address that `word` names, by number or as a symbol, and whether it names
        one."""
        number, good = self.numbers.parse(word)
        with if_(good):
            ret(number, good)
        address = self.symbols.find(word)
        with if_(address == 0):
            ret(0, 0)
        ret(address, 1)
