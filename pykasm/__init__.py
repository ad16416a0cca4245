"""pykasm: a machine-code assembler that lives in Python.

`from pykasm import *` brings the words of the language; see `pykasm/README.md`.
"""

from typing import TYPE_CHECKING

from pykasm.lang.mnemonics import *
from pykasm.lang.mnemonics import __all__ as _mnemonics
from pykasm.lang.registers import *
from pykasm.lang.registers import __all__ as _registers
from pykasm.lang.words import *
from pykasm.lang.words import __all__ as _words
from pykasm.wiring import *
from pykasm.wiring import __all__ as _wiring

if not TYPE_CHECKING:  # type checkers only follow lists that are written out
    __all__ = [*_mnemonics, *_registers, *_words, *_wiring]
