"""NUL-terminated strings: comparing them, and splitting a line into words."""

from __future__ import annotations

from pykasm import *

MAX_WORDS = 4
"""Words of a line that are stored; no command takes as many."""


class Words(Struct):
    """The words of a line."""

    count: U64
    """The number of words, also of those beyond MAX_WORDS."""
    word: Array[Ptr[U8]] = field(count=MAX_WORDS)
    """The first of them."""


class Strings(Subsystem):
    """Compare and split strings. Context: any; no state is kept."""

    @function
    def equal(self, left: Ptr[U8], right: Ptr[U8]) -> Bool:
        """Return whether two strings are equal."""
        with loop():
            mov(al, at(left))
            with if_(al != at(right)):
                ret(False)
            with if_(al == 0):
                ret(True)
            inc(left)
            inc(right)

    @function
    def selects(self, wanted: Keep[Ptr[U8]], name: Keep[Ptr[U8]]) -> Bool:
        """Return whether `wanted` is `all`, or `name`, or the part of `name` before a dot."""
        with if_(self.equal(wanted, text("all"))):
            ret(True)
        with while_(at(wanted) != 0):
            mov(al, at(wanted))
            with if_(al != at(name)):  # or `name` ends first
                ret(False)
            inc(wanted)
            inc(name)
        ret((at(name) == 0) | (at(name) == ord(".")))

    @function
    def split(self, line: Ptr[U8], words: Ptr[Words]) -> None:
        """Fill `words` with the words of `line`, which blanks separate.

        The blanks become zeros, so that each word is a string in `line` itself.
        """
        mov(words.count, 0)
        count = scratch(U64)
        with loop():
            with while_(at(line) == ord(" ")):
                mov(at(line), 0)
                inc(line)
            break_if(at(line) == 0)
            mov(count, words.count)
            with if_(count < MAX_WORDS):  # further ones are only counted
                mov(words.word[count], line)
            inc(words.count)
            with while_((at(line) != ord(" ")) & (at(line) != 0)):
                inc(line)
