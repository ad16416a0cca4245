"""Strings that end with a zero: comparing them, and taking a line apart."""

from __future__ import annotations

from pykasm import *

MAX_WORDS = 4
"""Words of a line that are kept; no command takes as many."""


class Words(Struct):
    """The words of a line; `count` is theirs all, also of those beyond MAX_WORDS."""

    count: U64
    word: Array[Ptr[U8]] = field(count=MAX_WORDS)


class Strings(Subsystem):
    """Functions that only touch what they are given; they may be called in any context."""

    @function
    def equal(self, left: Ptr[U8], right: Ptr[U8]) -> U32:
        """1 if the strings are the same, else 0."""
        with loop():
            mov(al, at(left))
            with if_(al != at(right)):
                ret(0)
            with if_(al == 0):
                ret(1)
            inc(left)
            inc(right)

    @function
    def selects(self, wanted: Ptr[U8], name: Ptr[U8]) -> U32:
        """1 if `wanted` is `name`, or the part of it before a dot, or `all`; else 0."""
        wanted, name = keep(wanted), keep(name)
        everything = self.equal(wanted, text("all"))
        with if_(everything != 0):
            ret(1)
        with while_(at(wanted) != 0):
            mov(al, at(wanted))
            with if_(al != at(name)):
                ret(0)
            inc(wanted)
            inc(name)
        with if_((at(name) == 0) | (at(name) == ord("."))):
            ret(1)
        ret(0)

    @function
    def split(self, line: Ptr[U8], words: Ptr[Words]) -> None:
        """Fill `words` with what blanks separate in `line`, ending each word with a zero there."""
        mov(words.count, 0)
        count = scratch(U64)
        with loop():
            with while_(at(line) == ord(" ")):
                mov(at(line), 0)
                inc(line)
            break_if(at(line) == 0)
            mov(count, words.count)
            with if_(count < MAX_WORDS):
                mov(words.word[count], line)
            inc(words.count)
            with while_((at(line) != ord(" ")) & (at(line) != 0)):
                inc(line)
