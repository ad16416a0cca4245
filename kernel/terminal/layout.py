"""Keyboard layouts: the text of each key."""

from __future__ import annotations

from string import ascii_lowercase

from kernel.terminal.keycode import KeyCode

US_ROWS = {
    KeyCode.DIGIT_1: ("1234567890", "!@#$%^&*()"),
    KeyCode.MINUS: ("-=[]\\", "_+{}|"),
    KeyCode.SEMICOLON: (";'`,./", ':"~<>?'),
}
"""By the first of several consecutive keys: their characters without and with shift."""

EDITING = {
    KeyCode.ENTER: "\r",
    KeyCode.ESCAPE: "\x1b",
    KeyCode.BACKSPACE: "\x7f",
    KeyCode.TAB: "\t",
    KeyCode.SPACE: " ",
    KeyCode.INSERT: "\x1b[2~",
    KeyCode.DELETE: "\x1b[3~",
    KeyCode.HOME: "\x1b[1~",
    KeyCode.END: "\x1b[4~",
    KeyCode.PAGE_UP: "\x1b[5~",
    KeyCode.PAGE_DOWN: "\x1b[6~",
    KeyCode.UP: "\x1b[A",
    KeyCode.DOWN: "\x1b[B",
    KeyCode.RIGHT: "\x1b[C",
    KeyCode.LEFT: "\x1b[D",
    KeyCode.KP_ENTER: "\r",
    KeyCode.KP_SLASH: "/",
    KeyCode.KP_ASTERISK: "*",
    KeyCode.KP_MINUS: "-",
    KeyCode.KP_PLUS: "+",
    KeyCode.KP_EQUAL: "=",
    KeyCode.KP_COMMA: ",",
}
"""Keys that have the same text on all layouts, with and without shift, by what terminals send
(console_codes(4); Linux: drivers/tty/vt/defkeymap.map)."""

FUNCTION_KEYS = {
    **{KeyCode.F1 + n: f"\x1b[[{letter}" for n, letter in enumerate("ABCDE")},
    **{KeyCode.F6 + n: f"\x1b[{number}~" for n, number in enumerate((17, 18, 19, 20, 21, 23, 24))},
}

KEYPAD = {
    KeyCode.KP_1: (KeyCode.END, "1"),
    KeyCode.KP_2: (KeyCode.DOWN, "2"),
    KeyCode.KP_3: (KeyCode.PAGE_DOWN, "3"),
    KeyCode.KP_4: (KeyCode.LEFT, "4"),
    KeyCode.KP_5: (KeyCode.NONE, "5"),
    KeyCode.KP_6: (KeyCode.RIGHT, "6"),
    KeyCode.KP_7: (KeyCode.HOME, "7"),
    KeyCode.KP_8: (KeyCode.UP, "8"),
    KeyCode.KP_9: (KeyCode.PAGE_UP, "9"),
    KeyCode.KP_0: (KeyCode.INSERT, "0"),
    KeyCode.KP_PERIOD: (KeyCode.DELETE, "."),
}
"""By key of the keypad: the key that it is without NumLock, and its text with NumLock."""


def us() -> dict[int, tuple[str, str]]:
    """Return the layout of the United States (ANSI INCITS 154): by key, the texts without and with
    shift; for the keypad, without and with NumLock."""
    keys: dict[int, tuple[str, str]] = {
        KeyCode.A + n: (letter, letter.upper()) for n, letter in enumerate(ascii_lowercase)
    }
    for first, (plain, shifted) in US_ROWS.items():
        run = [code for code in KeyCode if code >= first and code is not KeyCode.NON_US_HASH]
        keys |= zip(run, zip(plain, shifted, strict=True), strict=False)
    keys |= {code: (text, text) for code, text in (EDITING | FUNCTION_KEYS).items()}
    keys |= {code: (EDITING.get(other, ""), digit) for code, (other, digit) in KEYPAD.items()}
    return keys | {KeyCode.NON_US_HASH: ("\\", "|"), KeyCode.NON_US_BACKSLASH: ("\\", "|")}
