"""Commands that ask the symbol table."""

from kernel.console.console import Console
from kernel.monitor.addresses import Addresses
from kernel.monitor.command import Commands, command
from kernel.text.strings import Words
from kernel.text.symbols import SymbolLocation, Symbols
from pykasm import *


class SymbolCommands(Commands):
    """`sym`."""

    def __init__(self, console: Console, symbols: Symbols, addresses: Addresses) -> None:
        self.console = console
        self.symbols = symbols
        self.addresses = addresses
        self.commands = [
            command("sym", "NAME|ADDRESS", "where a symbol is, or what is there", self.sym)
        ]

    @function
    def sym(self, words: Ptr[Words]) -> Bool:
        """Print an address with its symbol and line."""
        word, place = keep(words.word[1]), local(SymbolLocation)
        address, good = self.addresses.read(word)
        with if_(~good):
            self.console.print("no symbol is called %s\n", word)
            ret(True)
        address = keep(address)
        with if_(~self.symbols.lookup(address, address_of(place))):
            self.console.print("no symbol is at 0x%x\n", address)
            ret(True)
        self.console.print("%p\n", address)
        ret(True)
