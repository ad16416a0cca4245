"""The parts of `kernel/text`, in the order of reading."""

from kernel.text.numbers import Numbers
from kernel.text.strings import Strings
from kernel.text.symbols import Symbols
from kernel.text.utf8 import Utf8Decoder
from pykasm import *

CONTENTS: Contents = (
    Strings,  # comparing strings, splitting lines
    Numbers,  # numbers to text and back
    Utf8Decoder,  # bytes to characters
    Symbols,  # names and source lines of addresses
)
