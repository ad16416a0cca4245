"""Keys, decoded from the bytes that a terminal sends."""

from __future__ import annotations

from enum import IntEnum

from pykasm import *

ESCAPE = 0x1B
FIRST_PRINTABLE, DELETE_CODE = 0x20, 0x7F


class Key(IntEnum):
    """Functions of keys; printable ASCII stands for itself."""

    NONE = 0
    ENTER = 0x80
    BACKSPACE = 0x81
    DELETE = 0x82
    LEFT = 0x83
    RIGHT = 0x84
    HOME = 0x85
    END = 0x86
    OLDER = 0x87
    NEWER = 0x88
    ERASE_WORD = 0x89
    ERASE_BEFORE = 0x8A
    ERASE_AFTER = 0x8B
    ERASE_LINE = 0x8C


CONTROLS = {
    "A": Key.HOME,
    "B": Key.LEFT,
    "C": Key.ERASE_LINE,
    "D": Key.DELETE,
    "E": Key.END,
    "F": Key.RIGHT,
    "H": Key.BACKSPACE,
    "J": Key.ENTER,
    "K": Key.ERASE_AFTER,
    "M": Key.ENTER,
    "N": Key.NEWER,
    "P": Key.OLDER,
    "U": Key.ERASE_BEFORE,
    "W": Key.ERASE_WORD,
}
"""Keys pressed with Ctrl, as in GNU readline's emacs mode."""

FINALS = {
    "A": Key.OLDER,
    "B": Key.NEWER,
    "C": Key.RIGHT,
    "D": Key.LEFT,
    "F": Key.END,
    "H": Key.HOME,
}
"""Last bytes of the sequences that arrow keys, Home and End send (XTerm Control Sequences)."""

TILDES = {1: Key.HOME, 3: Key.DELETE, 4: Key.END, 7: Key.HOME, 8: Key.END}
"""Numbers before the `~` of the other editing keys' sequences (VT220, linux, rxvt)."""

FIRST_FINAL = 0x40
"""A sequence ends with a byte from this one on (ECMA-48, 5.4)."""
TABLE_SIZE = 0x20
TILDE_COUNT = max(TILDES) + 1


class EscapeState(IntEnum):
    """States of the decoder, by what came before."""

    GROUND = 0
    RETURN = 1  # a line feed after it belongs to it
    ESCAPE = 2
    PARAMETER = 3  # ESC [ and perhaps digits
    IGNORE = 4  # ESC O, or ESC [ and parameters that say nothing here


class Keys(Subsystem):
    """Decode bytes from a terminal into keys. The state is that of one terminal."""

    controls = rodata(U8 * TABLE_SIZE, [CONTROLS.get(chr(n + 0x40), 0) for n in range(TABLE_SIZE)])
    finals = rodata(U8 * TABLE_SIZE, [FINALS.get(chr(n + 0x40), 0) for n in range(TABLE_SIZE)])
    tildes = rodata(U8 * TILDE_COUNT, [TILDES.get(n, 0) for n in range(TILDE_COUNT)])
    state = bss(U8)
    parameter = bss(U32)

    @function
    def decode(self, byte: U8) -> U8:
        """Return the key that `byte` completes; NONE if it completes none, or an unknown one."""
        movzx(eax, self.state)
        mov(self.state, EscapeState.GROUND)
        with if_((eax == EscapeState.RETURN) & (byte == ord("\n"))):  # some send both for Enter
            ret(Key.NONE)
        with if_(byte >= FIRST_PRINTABLE):  # control characters end what came before
            with if_(eax == EscapeState.ESCAPE):
                tail(self._after_escape, byte)
            with if_(eax >= EscapeState.PARAMETER):
                tail(self._in_sequence, byte, al)
        tail(self.plain, byte)

    @function
    def plain(self, byte: U8) -> U8:
        """Return the key of a byte outside of sequences."""
        with if_(byte == ESCAPE):
            mov(self.state, EscapeState.ESCAPE)
        with if_(byte == ord("\r")):
            mov(self.state, EscapeState.RETURN)
        movzx(eax, byte)
        with if_(eax < FIRST_PRINTABLE):
            mov(al, self.controls[rax])
        with elif_(eax == DELETE_CODE):
            mov(eax, Key.BACKSPACE)
        with elif_(eax > DELETE_CODE):
            xor(eax, eax)
        ret(al)

    @function
    def _after_escape(self, byte: U8) -> U8:
        """Begin a sequence, or drop the escape with the byte after it. Return NONE."""
        mov(self.parameter, 0)
        with if_(byte == ord("[")):
            mov(self.state, EscapeState.PARAMETER)
        with elif_(byte == ord("O")):
            mov(self.state, EscapeState.IGNORE)
        ret(Key.NONE)

    @function
    def _in_sequence(self, byte: U8, state: U8) -> U8:
        """Continue a sequence that was in `state`. Return the key that it ends with, or NONE."""
        with if_(byte == ord("~")):
            tail(self._tilde)
        with if_(byte >= FIRST_FINAL):
            tail(self._final, byte)
        mov(self.state, EscapeState.IGNORE)  # unless it is a digit
        digit = scratch(U32)
        movzx(digit, byte)
        sub(digit, ord("0"))  # other characters become more than 9, those below "0" too
        with if_((state == EscapeState.PARAMETER) & (digit <= 9)):
            imul(eax, self.parameter, 10)
            add(eax, digit)
            mov(self.parameter, eax)
            mov(self.state, EscapeState.PARAMETER)
        ret(Key.NONE)

    @function
    def _final(self, byte: U8) -> U8:
        """Return the key whose sequence ends with the letter `byte`."""
        movzx(eax, byte)
        sub(eax, FIRST_FINAL)
        with if_(eax >= TABLE_SIZE):
            ret(Key.NONE)
        ret(self.finals[rax])

    @function
    def _tilde(self) -> U8:
        """Return the key whose sequence is `parameter` and a `~`."""
        mov(eax, self.parameter)
        with if_(eax >= TILDE_COUNT):
            ret(Key.NONE)
        ret(self.tildes[rax])
