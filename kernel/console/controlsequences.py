"""Sequences that control terminals."""

from __future__ import annotations

from kernel.console.answers import Answers
from kernel.console.charsets import Charsets
from kernel.console.cursormotion import CursorMotion
from kernel.console.erasing import Erasing
from kernel.console.renditions import Renditions
from kernel.console.screenmode import Parsing
from kernel.console.screenmodes import ScreenModes
from kernel.console.screenstate import MOST_PARAMETERS, TAB_WORDS, Screen
from pykasm import *

LARGEST = 9999
"""A number that is larger than any screen: larger ones are as good."""

CURSOR_COLUMN_TAB, ALL_TABS = 0, 3
"""What TBC clears."""
STATE, PLACE = 5, 6
"""What DSR asks for."""

PALETTE_DIGITS = 7
INTERMEDIATE = (0x20, 0x3F)
"""Bytes of a sequence before its last one (ECMA-48, 5.4)."""


class ControlSequences(Subsystem):
    """Takes the bytes of sequences, and does what they say (console_codes(4)); what is unknown does
    nothing. Context: with the console's lock."""

    def __init__(
        self,
        motion: CursorMotion,
        erasing: Erasing,
        renditions: Renditions,
        charsets: Charsets,
        modes: ScreenModes,
        answers: Answers,
    ) -> None:
        self.motion = motion
        self.erasing = erasing
        self.renditions = renditions
        self.charsets = charsets
        self.modes = modes
        self.answers = answers

    @function
    def take(self, screen: Ptr[Screen], byte: U8) -> None:
        """Take a byte that is no control character."""
        movzx(eax, screen.parsing)
        with switch(eax):
            with case(Parsing.ESCAPE):
                tail(self._take_escaped, screen, byte)
            with case(Parsing.BEGUN):
                tail(self._take_first, screen, byte)
            with case(Parsing.SEQUENCE):
                tail(self._take_parameter, screen, byte)
            with case(Parsing.IGNORED), if_(byte <= INTERMEDIATE[1]):
                ret()
            with case(Parsing.FIRST_CHARSET):
                mov(screen.parsing, Parsing.TEXT)
                tail(self.charsets.designate, screen, 0, byte)
            with case(Parsing.SECOND_CHARSET):
                mov(screen.parsing, Parsing.TEXT)
                tail(self.charsets.designate, screen, 1, byte)
            with case(Parsing.HASH), if_(byte == ord("8")):
                mov(screen.parsing, Parsing.TEXT)
                tail(self.modes.align, screen)
            with case(Parsing.COMMAND):
                tail(self._take_command, screen, byte)
            with case(Parsing.PALETTE):
                inc(screen.count)
                with if_(screen.count != PALETTE_DIGITS):
                    ret()
            with case(Parsing.STRING):
                ret()
        mov(screen.parsing, Parsing.TEXT)

    @function
    def _take_command(self, screen: Ptr[Screen], byte: U8) -> None:
        """Take the byte after ESC ]: a string, a colour of the palette, which stays as it is, or
        nothing."""
        mov(screen.parsing, Parsing.TEXT)
        with if_(byte == ord("P")):
            mov(screen.count, 0)
            mov(screen.parsing, Parsing.PALETTE)
        with if_((byte >= ord("0")) & (byte <= ord("9"))):
            mov(screen.parsing, Parsing.STRING)

    # ESC and one more byte

    @function
    def _take_escaped(self, screen: Keep[Ptr[Screen]], byte: U8) -> None:
        """Do what ESC and `byte` say, or note what they begin."""
        movzx(eax, byte)
        for begin, parsing in (
            ("[", Parsing.BEGUN),
            ("]", Parsing.COMMAND),
            ("P", Parsing.STRING),
            ("^", Parsing.STRING),
            ("_", Parsing.STRING),
            ("(", Parsing.FIRST_CHARSET),
            (")", Parsing.SECOND_CHARSET),
            ("#", Parsing.HASH),
            ("%", Parsing.PERCENT),
        ):
            with if_(eax == ord(begin)):
                mov(screen.parsing, parsing)
                ret()
        mov(screen.parsing, Parsing.TEXT)
        with switch(eax):
            with case(ord("D")):
                tail(self.motion.feed_line, screen)
            with case(ord("E")):
                self.motion.return_to_start(screen)
                tail(self.motion.feed_line, screen)
            with case(ord("M")):
                tail(self.motion.feed_back, screen)
            with case(ord("H")):
                mov(ecx, screen.column)
                bts(screen.tabs[0], rcx)
            with case(ord("Z")):
                tail(self.answers.tell_identity, screen)
            with case(ord("7")):
                tail(self.modes.save, screen)
            with case(ord("8")):
                tail(self.modes.restore, screen)
            with case(ord("c")):
                tail(self.modes.reset, screen)

    # ESC [ and parameters

    @function
    def _take_first(self, screen: Ptr[Screen], byte: U8) -> None:
        """Take the first byte after ESC [."""
        mov(screen.parsing, Parsing.SEQUENCE)
        mov(screen.prefix, 0)
        mov(screen.count, 0)
        xor(eax, eax)
        for number in range(MOST_PARAMETERS):
            mov(screen.parameters[number], eax)
        with if_(byte == ord("[")):
            mov(screen.parsing, Parsing.FUNCTION_KEY)
            ret()
        with if_((byte >= ord("<")) & (byte <= ord("?"))):
            mov(screen.prefix, byte)
            ret()
        tail(self._take_parameter, screen, byte)

    @function
    def _take_parameter(self, screen: Ptr[Screen], byte: U8) -> None:
        """Take a byte of the numbers, or the last one, which says what is to be done."""
        count = scratch(screen.count)
        with if_((byte >= ord("0")) & (byte <= ord("9"))):
            imul(eax, screen.parameters[count], 10)
            movzx(ecx, byte)
            lea(eax, bare[rax + rcx - ord("0")])
            with if_(eax > LARGEST):
                mov(eax, LARGEST)
            mov(screen.parameters[count], eax)
            ret()
        with if_((byte == ord(";")) & (count < MOST_PARAMETERS - 1)):
            inc(screen.count)
            ret()
        with if_((byte >= INTERMEDIATE[0]) & (byte <= INTERMEDIATE[1])):
            mov(screen.parsing, Parsing.IGNORED)
            ret()
        mov(screen.parsing, Parsing.TEXT)
        movzx(eax, byte)
        with if_(eax == ord("h")):
            tail(self.modes.set_all, screen, 1)
        with if_(eax == ord("l")):
            tail(self.modes.set_all, screen, 0)
        with if_(screen.prefix == 0):
            tail(self._move, screen, eax)

    @function
    def _move(self, screen: Ptr[Screen], last: U32) -> None:
        """Move the cursor, if `last` says so."""
        first, second, count = (
            *(scratch(screen.parameters[0]), scratch(screen.parameters[1])),
            scratch(U32),
        )
        mov(count, first)
        with if_(count == 0):
            inc(count)
        mov(eax, screen.column)
        mov(ecx, count)
        dec(ecx)
        with switch(last):
            with case(ord("A")):
                tail(self.motion.go_up, screen, count, eax)
            with case(ord("B"), ord("e")):
                tail(self.motion.go_down, screen, count, eax)
            with case(ord("C"), ord("a")):
                tail(self.motion.go_right, screen, count)
            with case(ord("D")):
                tail(self.motion.go_left, screen, count)
            with case(ord("E")):
                tail(self.motion.go_down, screen, count, 0)
            with case(ord("F")):
                tail(self.motion.go_up, screen, count, 0)
            with case(ord("G"), ord("`")):
                tail(self.motion.go_to, screen, screen.row, ecx)
            with case(ord("d")):
                tail(self.motion.go_from_origin, screen, ecx, eax)
            with case(ord("H"), ord("f")):
                with if_(second != 0):
                    dec(second)
                tail(self.motion.go_from_origin, screen, ecx, second)
            with default():
                tail(self._change, screen, last, first, count)

    @function
    def _change(self, screen: Ptr[Screen], last: U32, first: U32, count: U32) -> None:
        """Erase, insert or remove, if `last` says so."""
        with switch(last):
            with case(ord("J")):
                tail(self.erasing.erase_in_page, screen, first)
            with case(ord("K")):
                tail(self.erasing.erase_in_line, screen, first)
            with case(ord("L")):
                tail(self.erasing.insert_lines, screen, count)
            with case(ord("M")):
                tail(self.erasing.delete_lines, screen, count)
            with case(ord("@")):
                tail(self.erasing.insert_characters, screen, count)
            with case(ord("P")):
                tail(self.erasing.delete_characters, screen, count)
            with case(ord("X")):
                tail(self.erasing.erase_characters, screen, count)
            with default():
                tail(self._set, screen, last, first)

    @function
    def _set(self, screen: Ptr[Screen], last: U32, first: U32) -> None:
        """Set something, or answer, if `last` says so."""
        with switch(last):
            with case(ord("m")):
                tail(self.renditions.select, screen)
            with case(ord("r")):
                tail(self.modes.set_region, screen, first, screen.parameters[1])
            with case(ord("s")):
                tail(self.modes.save, screen)
            with case(ord("u")):
                tail(self.modes.restore, screen)
            with case(ord("g")):
                tail(self._clear_tabs, screen, first)
            with case(ord("c")), if_(first == 0):
                tail(self.answers.tell_identity, screen)
            with case(ord("n")):
                with if_(first == STATE):
                    tail(self.answers.tell_state, screen)
                with if_(first == PLACE):
                    tail(self.answers.tell_place, screen)

    @function
    def _clear_tabs(self, screen: Ptr[Screen], which: U32) -> None:
        """Clear the tab stop of the cursor's column, or all (TBC)."""
        with if_(which == CURSOR_COLUMN_TAB):
            mov(ecx, screen.column)
            btr(screen.tabs[0], rcx)
        with if_(which == ALL_TABS):
            for word in range(TAB_WORDS):
                mov(screen.tabs[word], 0)
