"""What terminals answer."""

from __future__ import annotations

from kernel.console.screenmode import ScreenMode
from kernel.console.screenstate import ANSWER_SIZE, Screen
from kernel.text.numbers import DECIMAL, NUMBER_SIZE, Numbers
from pykasm import *

IDENTITY = "\x1b[?6c"
"""That of a VT102 (VT102 User Guide, "Reports")."""
READY = "\x1b[0n"


class Answers(Subsystem):
    """Answers programs that ask the terminal; who writes to it has to look for answers. Context:
    with the console's lock."""

    def __init__(self, numbers: Numbers) -> None:
        self.numbers = numbers

    @function
    def tell_identity(self, screen: Ptr[Screen]) -> None:
        """Tell what terminal this is (DA)."""
        tail(self._add, screen, text(IDENTITY))

    @function
    def tell_state(self, screen: Ptr[Screen]) -> None:
        """Tell that all is well (DSR 5)."""
        tail(self._add, screen, text(READY))

    @function
    def tell_place(self, screen: Keep[Ptr[Screen]]) -> None:
        """Tell where the cursor is (CPR)."""
        self._add(screen, text("\x1b["))
        mov(eax, screen.row)
        with if_(screen.modes & ScreenMode.ORIGIN):
            sub(eax, screen.top)
        self._add_number(screen, eax)
        self._add(screen, text(";"))
        self._add_number(screen, screen.column)
        tail(self._add, screen, text("R"))

    @function
    def _add_number(self, screen: Keep[Ptr[Screen]], place: U32) -> None:
        """Add the number of a row or a column, of which the first is 1."""
        digits = local(U8 * (NUMBER_SIZE + 1))
        mov(digits[NUMBER_SIZE], 0)
        mov(eax, place)
        inc(eax)
        start = self.numbers.format_unsigned(rax, DECIMAL, address_of(digits[NUMBER_SIZE]))
        self._add(screen, start)

    @function
    def _add(self, screen: Ptr[Screen], text: Ptr[U8]) -> None:
        """Add `text`, as far as there is room."""
        count = scratch(screen.answered)
        with while_((at(text) != 0) & (count < ANSWER_SIZE)):
            mov(al, at(text))
            mov(screen.answer[count], al)
            inc(text)
            inc(count)
        mov(screen.answered, count)
