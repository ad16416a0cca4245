"""Keyboard layouts: what each key stands for."""

from __future__ import annotations

from string import ascii_lowercase

from kernel.terminal.keycode import KeyCode

US_ROWS = {
    KeyCode.DIGIT_1: ("1234567890", "!@#$%^&*()"),
    KeyCode.MINUS: ("-=[]\\", "_+{}|"),
    KeyCode.SEMICOLON: (";'`,./", ':"~<>?'),
}
"""By the first of several keys in a row: their characters without and with shift."""

EDITING = {
    KeyCode.ENTER: "\r",
    KeyCode.ESCAPE: "\x1b",
    KeyCode.BACKSPACE: "\x7f",
    KeyCode.TAB: "\t",
    KeyCode.SPACE: " ",
    KeyCode.INSERT: "\x1b[2~",
    KeyCode.DELETE: "\x1b[3~",
    KeyCode.HOME: "\x1b[H",
    KeyCode.END: "\x1b[F",
    KeyCode.PAGE_UP: "\x1b[5~",
    KeyCode.PAGE_DOWN: "\x1b[6~",
    KeyCode.UP: "\x1b[A",
    KeyCode.DOWN: "\x1b[B",
    KeyCode.RIGHT: "\x1b[C",
    KeyCode.LEFT: "\x1b[D",
    KeyCode.PAD_ENTER: "\r",
    KeyCode.PAD_SLASH: "/",
    KeyCode.PAD_ASTERISK: "*",
    KeyCode.PAD_MINUS: "-",
    KeyCode.PAD_PLUS: "+",
    KeyCode.PAD_EQUAL: "=",
    KeyCode.PAD_COMMA: ",",
}
"""The same on all layouts, with shift and without: what terminals send (XTerm Control Sequences,
"PC-Style Function Keys")."""

FUNCTION_KEYS = {
    **{KeyCode.F1 + n: f"\x1bO{letter}" for n, letter in enumerate("PQRS")},
    **{
        KeyCode.F5 + n: f"\x1b[{number}~"
        for n, number in enumerate((15, 17, 18, 19, 20, 21, 23, 24))
    },
}

PAD = {
    KeyCode.PAD_1: (KeyCode.END, "1"),
    KeyCode.PAD_2: (KeyCode.DOWN, "2"),
    KeyCode.PAD_3: (KeyCode.PAGE_DOWN, "3"),
    KeyCode.PAD_4: (KeyCode.LEFT, "4"),
    KeyCode.PAD_5: (KeyCode.NONE, "5"),
    KeyCode.PAD_6: (KeyCode.RIGHT, "6"),
    KeyCode.PAD_7: (KeyCode.HOME, "7"),
    KeyCode.PAD_8: (KeyCode.UP, "8"),
    KeyCode.PAD_9: (KeyCode.PAGE_UP, "9"),
    KeyCode.PAD_0: (KeyCode.INSERT, "0"),
    KeyCode.PAD_PERIOD: (KeyCode.DELETE, "."),
}
"""What these are without NumLock, and with it."""


def us() -> dict[int, tuple[str, str]]:
    """The layout of the United States (ANSI INCITS 154): by key, the texts without and with
    shift; for the pad, without and with NumLock."""
    keys: dict[int, tuple[str, str]] = {
        KeyCode.A + n: (letter, letter.upper()) for n, letter in enumerate(ascii_lowercase)
    }
    for first, (plain, shifted) in US_ROWS.items():
        run = [code for code in KeyCode if code >= first and code is not KeyCode.HASH]
        keys |= zip(run, zip(plain, shifted, strict=True), strict=False)
    keys |= {code: (text, text) for code, text in (EDITING | FUNCTION_KEYS).items()}
    keys |= {code: (EDITING.get(other, ""), digit) for code, (other, digit) in PAD.items()}
    return keys | {KeyCode.HASH: ("\\", "|"), KeyCode.ANGLE: ("\\", "|")}
