"""Decode scan codes, which a keyboard sends when a key is pressed or released.

Source: Microsoft, Keyboard Scan Code Specification 1.3a, appendix A; IBM PS/2 Hardware Interface
Technical Reference, "Keyboard".
"""

from __future__ import annotations

from enum import IntEnum, IntFlag

from kernel.terminal.keycode import RELEASED, KeyCode
from pykasm import *

_SET_2_ROWS = (
    (0x01, "F9 - F5 F3 F1 F2 F12 F13 F10 F8 F6 F4 TAB GRAVE KP_EQUAL"),
    (
        0x10,
        "F14 LEFT_ALT LEFT_SHIFT INTERNATIONAL_2 LEFT_CONTROL Q DIGIT_1 - F15 - Z S A W DIGIT_2",
    ),
    (0x20, "F16 C X D E DIGIT_4 DIGIT_3 - F17 SPACE V F T R DIGIT_5"),
    (0x30, "F18 N B H G Y DIGIT_6 - F19 - M J U DIGIT_7 DIGIT_8"),
    (0x40, "F20 COMMA K I O DIGIT_0 DIGIT_9 - F21 PERIOD SLASH L SEMICOLON P MINUS"),
    (0x50, "F22 INTERNATIONAL_1 APOSTROPHE - LEFT_BRACKET EQUAL - F23"),
    (0x58, "CAPS_LOCK RIGHT_SHIFT ENTER RIGHT_BRACKET - BACKSLASH - F24"),
    (0x60, "- NON_US_BACKSLASH - - INTERNATIONAL_4 - BACKSPACE INTERNATIONAL_5"),
    (0x68, "- KP_1 INTERNATIONAL_3 KP_4 KP_7 KP_COMMA"),
    (0x70, "KP_0 KP_PERIOD KP_2 KP_5 KP_6 KP_8 ESCAPE NUM_LOCK"),
    (
        0x78,
        "F11 KP_PLUS KP_3 KP_MINUS KP_ASTERISK KP_9 SCROLL_LOCK - - - - F7 PRINT_SCREEN",
    ),
)
"""Set 2: rows of keys from a code on; `-` stands for a code of no key."""

SET_2 = {
    first + n: KeyCode[name]
    for first, row in _SET_2_ROWS
    for n, name in enumerate(row.split())
    if name != "-"
}

SET_2_EXTENDED = {
    0x11: KeyCode.RIGHT_ALT,
    0x14: KeyCode.RIGHT_CONTROL,
    0x1F: KeyCode.LEFT_GUI,
    0x21: KeyCode.VOLUME_DOWN,
    0x23: KeyCode.MUTE,
    0x27: KeyCode.RIGHT_GUI,
    0x2F: KeyCode.APPLICATION,
    0x32: KeyCode.VOLUME_UP,
    0x37: KeyCode.POWER,
    0x4A: KeyCode.KP_SLASH,
    0x5A: KeyCode.KP_ENTER,
    0x69: KeyCode.END,
    0x6B: KeyCode.LEFT,
    0x6C: KeyCode.HOME,
    0x70: KeyCode.INSERT,
    0x71: KeyCode.DELETE,
    0x72: KeyCode.DOWN,
    0x74: KeyCode.RIGHT,
    0x75: KeyCode.UP,
    0x7A: KeyCode.PAGE_DOWN,
    0x7C: KeyCode.PRINT_SCREEN,
    0x7D: KeyCode.PAGE_UP,
    0x7E: KeyCode.PAUSE,
}
"""Set 2, after `Prefix.EXTENDED`. Fake shifts, which some keys send there, are left out."""

TRANSLATION = bytes.fromhex(
    "ff 43 41 3f 3d 3b 3c 58 64 44 42 40 3e 0f 29 59 "
    "65 38 2a 70 1d 10 02 5a 66 71 2c 1f 1e 11 03 5b "
    "67 2e 2d 20 12 05 04 5c 68 39 2f 21 14 13 06 5d "
    "69 31 30 23 22 15 07 5e 6a 72 32 24 16 08 09 5f "
    "6b 33 25 17 18 0b 0a 60 6c 34 35 26 27 19 0c 61 "
    "6d 73 28 74 1a 0d 62 6e 3a 36 1c 1b 75 2b 63 76 "
    "55 56 77 78 79 7a 0e 7b 7c 4f 7d 4b 47 7e 7f 6f "
    "52 53 50 4c 4d 48 01 45 57 4e 51 4a 37 49 46 54 "
)
"""By code of set 2 below 0x80: the code of set 1 that the keyboard controller translates it to
(IBM PS/2 Hardware Interface Technical Reference, "Keyboard and Auxiliary Device Controller")."""

TRANSLATION_ABOVE = {0x83: 0x41, 0x84: 0x54}
"""By code of set 2 from 0x80 on: the code of set 1."""


def translated(codes: dict[int, KeyCode]) -> dict[int, KeyCode]:
    """Return a table of set 2 as one of set 1."""
    return {TRANSLATION_ABOVE.get(one) or TRANSLATION[one]: code for one, code in codes.items()}


SET_1 = translated(SET_2)
SET_1_EXTENDED = translated(SET_2_EXTENDED)

TABLE_SIZE = max(SET_2) + 1
CODE_MASK = 0x7F
RELEASE_BIT = 0x80
"""The bit of a code of set 1 for a released key."""


class ScanSet(IntEnum):
    """Scan-code sets."""

    SET_1 = 0
    SET_2 = 1


class Prefix(IntEnum):
    """Bytes that precede a code."""

    EXTENDED = 0xE0
    PAUSE = 0xE1
    """Precedes two codes, which together are the pause key."""
    RELEASE = 0xF0
    """In set 2: the key is released."""


class PrefixFlags(IntFlag):
    """Prefixes that have been received."""

    EXTENDED = 1 << 0
    PAUSE = 1 << 1
    RELEASE = 1 << 2


class ScanState(Struct):
    """The state of decoding one keyboard's codes."""

    set: U8 = field(ScanSet)
    prefixes: U8 = field(PrefixFlags)


class ScanCodes(Subsystem):
    """Decode scan codes to keys. Context: any; all state is a parameter."""

    plain = rodata(
        U8 * (2 * TABLE_SIZE),
        [table.get(code, KeyCode.NONE) for table in (SET_1, SET_2) for code in range(TABLE_SIZE)],
    )
    extended = rodata(
        U8 * (2 * TABLE_SIZE),
        [
            table.get(code, KeyCode.NONE)
            for table in (SET_1_EXTENDED, SET_2_EXTENDED)
            for code in range(TABLE_SIZE)
        ],
    )

    @function
    def decode(self, state: Ptr[ScanState], byte: U8) -> U32:
        """Decode `byte`; return the key whose code it ends, with RELEASED if that is released.

        Return `KeyCode.NONE` if it ends no known code.
        """
        movzx(eax, byte)
        with if_(eax == Prefix.EXTENDED):
            mov(state.prefixes, PrefixFlags.EXTENDED)
            ret(KeyCode.NONE)
        with if_(eax == Prefix.PAUSE):
            mov(state.prefixes, PrefixFlags.PAUSE)
            ret(KeyCode.NONE)
        with if_(state.set == ScanSet.SET_2), if_(eax == Prefix.RELEASE):
            or_(state.prefixes, PrefixFlags.RELEASE)
            ret(KeyCode.NONE)
        with elif_(eax >= RELEASE_BIT):  # of set 1
            or_(state.prefixes, PrefixFlags.RELEASE)
            and_(eax, CODE_MASK)
        tail(self._lookup, state, eax)

    @function
    def _lookup(self, state: Ptr[ScanState], code: U32) -> U32:
        """Return the key of `code` after the received prefixes, which are cleared."""
        prefixes = scratch(U32)
        movzx(prefixes, state.prefixes)
        mov(state.prefixes, 0)
        with if_(code >= TABLE_SIZE):
            ret(KeyCode.NONE)
        with if_(state.set == ScanSet.SET_2):
            add(code, TABLE_SIZE)
        movzx(eax, self.plain[code])
        with if_(prefixes & PrefixFlags.EXTENDED):
            movzx(eax, self.extended[code])
        with if_(prefixes & PrefixFlags.PAUSE):
            with if_(eax == KeyCode.LEFT_CONTROL):  # the first of its two codes
                mov(state.prefixes, PrefixFlags.PAUSE)
                ret(KeyCode.NONE)
            mov(eax, KeyCode.PAUSE)
        with if_((eax != KeyCode.NONE) & (prefixes & PrefixFlags.RELEASE)):
            or_(eax, RELEASED)
        ret(eax)
