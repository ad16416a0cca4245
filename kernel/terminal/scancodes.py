"""Scan codes: what a keyboard sends when a key goes down or up.

Source: Microsoft, Keyboard Scan KeyCode Specification 1.3a, appendix A; IBM PS/2 Hardware Interface
Technical Reference, "Keyboard".
"""

from __future__ import annotations

from enum import IntEnum, IntFlag

from kernel.terminal.keycode import RELEASED, KeyCode
from pykasm import *

_PLAIN = (
    (0x01, "F9 - F5 F3 F1 F2 F12 F13 F10 F8 F6 F4 TAB GRAVE PAD_EQUAL"),
    (
        0x10,
        "F14 LEFT_ALT LEFT_SHIFT INTERNATIONAL_2 LEFT_CONTROL Q DIGIT_1 - F15 - Z S A W DIGIT_2",
    ),
    (0x20, "F16 C X D E DIGIT_4 DIGIT_3 - F17 SPACE V F T R DIGIT_5"),
    (0x30, "F18 N B H G Y DIGIT_6 - F19 - M J U DIGIT_7 DIGIT_8"),
    (0x40, "F20 COMMA K I O DIGIT_0 DIGIT_9 - F21 PERIOD SLASH L SEMICOLON P MINUS"),
    (0x50, "F22 INTERNATIONAL_1 APOSTROPHE - LEFT_BRACKET EQUAL - F23"),
    (0x58, "CAPS_LOCK RIGHT_SHIFT ENTER RIGHT_BRACKET - BACKSLASH - F24"),
    (0x60, "- ANGLE - - INTERNATIONAL_4 - BACKSPACE INTERNATIONAL_5"),
    (0x68, "- PAD_1 INTERNATIONAL_3 PAD_4 PAD_7 PAD_COMMA"),
    (0x70, "PAD_0 PAD_PERIOD PAD_2 PAD_5 PAD_6 PAD_8 ESCAPE NUM_LOCK"),
    (0x78, "F11 PAD_PLUS PAD_3 PAD_MINUS PAD_ASTERISK PAD_9 SCROLL_LOCK - - - - F7 PRINT_SCREEN"),
)
"""Set 2: rows of keys from a code on; `-` for a code that no key has."""

SET_2 = {
    first + n: KeyCode[name]
    for first, row in _PLAIN
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
    0x4A: KeyCode.PAD_SLASH,
    0x5A: KeyCode.PAD_ENTER,
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
"""Behind `Prefix.EXTENDED`. The shifts that some keys send there, for old programs, are none."""

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
"""What the keyboard controller makes of the codes of set 2 below 0x80, so that they are of set 1
(IBM PS/2 Hardware Interface Technical Reference, "Keyboard and Auxiliary Device Controller")."""

TRANSLATED_ABOVE = {0x83: 0x41, 0x84: 0x54}


def translated(codes: dict[int, KeyCode]) -> dict[int, KeyCode]:
    """A table of set 2 as one of set 1."""
    return {TRANSLATED_ABOVE.get(one) or TRANSLATION[one]: code for one, code in codes.items()}


SET_1 = translated(SET_2)
SET_1_EXTENDED = translated(SET_2_EXTENDED)

TABLE_SIZE = max(SET_2) + 1
CODE_MASK = 0x7F
UP = 0x80
"""The bit of a code of set 1 that tells that the key goes up."""


class ScanSet(IntEnum):
    """Which codes a keyboard sends."""

    SET_1 = 0
    SET_2 = 1


class Prefix(IntEnum):
    """Bytes before a code."""

    EXTENDED = 0xE0
    PAUSE = 0xE1
    """Before two codes, which together are the pause key."""
    RELEASE = 0xF0
    """In set 2: the key goes up."""


class Seen(IntFlag):
    """Prefixes that came before the next byte."""

    EXTENDED = 1 << 0
    PAUSE = 1 << 1
    RELEASE = 1 << 2


class ScanState(Struct):
    """What is known of one keyboard's codes."""

    set: U8 = field(ScanSet)
    seen: U8 = field(Seen)


class ScanCodes(Subsystem):
    """Makes keys of scan codes. Touches nothing but the state that it is given."""

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
        """The key whose code `byte` ends, a `KeyCode` with RELEASED if it goes up; `KeyCode.NONE`
        if it ends none that is known."""
        movzx(eax, byte)
        with if_(eax == Prefix.EXTENDED):
            mov(state.seen, Seen.EXTENDED)
            ret(KeyCode.NONE)
        with if_(eax == Prefix.PAUSE):
            mov(state.seen, Seen.PAUSE)
            ret(KeyCode.NONE)
        with if_(state.set == ScanSet.SET_2), if_(eax == Prefix.RELEASE):
            or_(state.seen, Seen.RELEASE)
            ret(KeyCode.NONE)
        with elif_(eax >= UP):
            or_(state.seen, Seen.RELEASE)
            and_(eax, CODE_MASK)
        tail(self.finish, state, eax)

    @function
    def finish(self, state: Ptr[ScanState], code: U32) -> U32:
        """The key for `code` behind the prefixes that were seen; see `decode`."""
        seen = scratch(U32)
        movzx(seen, state.seen)
        mov(state.seen, 0)
        with if_(code >= TABLE_SIZE):
            ret(KeyCode.NONE)
        with if_(state.set == ScanSet.SET_2):
            add(code, TABLE_SIZE)
        movzx(eax, self.plain[code])
        with if_(seen & Seen.EXTENDED):
            movzx(eax, self.extended[code])
        with if_(seen & Seen.PAUSE):
            with if_(eax == KeyCode.LEFT_CONTROL):  # the first of its two codes
                mov(state.seen, Seen.PAUSE)
                ret(KeyCode.NONE)
            mov(eax, KeyCode.PAUSE)
        with if_((eax != KeyCode.NONE) & (seen & Seen.RELEASE)):
            or_(eax, RELEASED)
        ret(eax)
