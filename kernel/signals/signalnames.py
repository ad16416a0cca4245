"""What signals are called."""

from __future__ import annotations

from kernel.signals.signalnumber import SIGNALS, Signal
from kernel.text.numbers import Numbers
from kernel.text.strings import Strings
from pykasm import *

PREFIX = "SIG"


class SignalNames(Subsystem):
    """Names of signals as numbers, and numbers as names. Context: any."""

    def __init__(self, strings: Strings, numbers: Numbers) -> None:
        self.strings = strings
        self.numbers = numbers
        known = {int(one): one.name for one in Signal}
        self.names = rodata(
            Ptr[U8] * (SIGNALS + 1), [known.get(number, 0) for number in range(SIGNALS + 1)]
        )

    @function
    def parse(self, word: Keep[Ptr[U8]]) -> U32:
        """Return the signal that `word` names, with or without SIG, or tells the number of; 0 for
        none."""
        value, good = self.numbers.parse(word)
        with if_(good):
            with if_(value > SIGNALS):
                ret(0)
            ret(u32(value))
        number = keep(U64)
        with for_(number, 1, SIGNALS + 1):
            name = keep(self.names[number])
            with if_(name != 0):
                with if_(self.strings.equal(word, name)):
                    ret(u32(number))
                add(u64(name), len(PREFIX))
                with if_(self.strings.equal(word, name)):
                    ret(u32(number))
            release(name)
        ret(0)
