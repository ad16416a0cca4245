"""The history of lines that were typed."""

from __future__ import annotations

from kernel.monitor.prompt import LINE_SIZE
from kernel.text.strings import Strings
from pykasm import *

ENTRIES = 16
"""Lines stored: a power of two, so that the ring's index is the low bits of a count."""


class History(Subsystem):
    """The last ENTRIES different lines, by age: 1 is the newest. Context: the thread that reads."""

    lines = bss(U8 * (LINE_SIZE * ENTRIES))
    count = bss(U64)
    """The number of lines ever added."""

    def __init__(self, strings: Strings) -> None:
        self.strings = strings

    @function
    def add(self, line: Keep[Ptr[U8]]) -> None:
        """Store `line` (LINE_SIZE bytes), unless it is empty or the same as the newest."""
        with if_(at(line) == 0):
            ret()
        newest = self.line(1)
        with if_(newest != 0), if_(self.strings.equal(newest, line)):
            ret()
        inc(self.count)  # what is the newest now is the one to write to
        place = self.line(1)
        asserts(place != 0)  # there is one now
        mov(rdi, place)
        mov(rsi, line)
        mov(ecx, LINE_SIZE)
        rep.movsb()

    @function
    def line(self, age: U64) -> OrNull[Ptr[U8]]:
        """Return the line of this `age`, from 1; null if there is none."""
        with if_((age > ENTRIES) | (age > self.count)):
            ret(0)
        mov(rax, self.count)
        sub(rax, age)
        and_(eax, ENTRIES - 1)
        imul(rax, rax, LINE_SIZE)
        lea(rdx, self.lines)
        add(rax, rdx)
        ret(rax)
