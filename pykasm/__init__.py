"""pykasm: a machine-code assembler that lives in Python.

`from pykasm import *` brings the words of the language; see `pykasm/README.md`.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pykasm.lang.mnemonics import *
    from pykasm.lang.registers import *
    from pykasm.lang.words import *
    from pykasm.wiring import *
else:

    def __getattr__(name: str) -> object:
        """Bring the words of the language when one is asked for: commands may do without."""
        from pykasm.lexicon import NAMES, WORDS

        names = globals()
        if "__all__" not in names:
            names.update(WORDS, __all__=NAMES)
        if name not in names:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}", name=name)
        return names[name]
