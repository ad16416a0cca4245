"""The parts of `kernel/text`, in the order of reading."""

from kernel.text.numbers import Numbers
from kernel.text.strings import Strings
from kernel.text.symbols import Symbols
from pykasm import *

CONTENTS: Contents = (
    Strings,  # texts, and the words in them
    Numbers,  # numbers as text
    Symbols,  # names and source lines of addresses
)
