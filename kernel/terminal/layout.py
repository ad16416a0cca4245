"""Keyboard layouts: what each key stands for."""

from __future__ import annotations

from string import ascii_lowercase

from kernel.terminal.keycode import Code

US_ROWS = {
    Code.DIGIT_1: ("1234567890", "!@#$%^&*()"),
    Code.MINUS: ("-=[]\\", "_+{}|"),
    Code.SEMICOLON: (";'`,./", ':"~<>?'),
}
"""By the first of several keys in a row: their characters without and with shift."""

EDITING = {
    Code.ENTER: "\r",
    Code.ESCAPE: "\x1b",
    Code.BACKSPACE: "\x7f",
    Code.TAB: "\t",
    Code.SPACE: " ",
    Code.INSERT: "\x1b[2~",
    Code.DELETE: "\x1b[3~",
    Code.HOME: "\x1b[H",
    Code.END: "\x1b[F",
    Code.PAGE_UP: "\x1b[5~",
    Code.PAGE_DOWN: "\x1b[6~",
    Code.UP: "\x1b[A",
    Code.DOWN: "\x1b[B",
    Code.RIGHT: "\x1b[C",
    Code.LEFT: "\x1b[D",
    Code.PAD_ENTER: "\r",
    Code.PAD_SLASH: "/",
    Code.PAD_ASTERISK: "*",
    Code.PAD_MINUS: "-",
    Code.PAD_PLUS: "+",
    Code.PAD_EQUAL: "=",
    Code.PAD_COMMA: ",",
}
"""The same on all layouts, with shift and without: what terminals send (XTerm Control Sequences,
"PC-Style Function Keys")."""

FUNCTION_KEYS = {
    **{Code.F1 + n: f"\x1bO{letter}" for n, letter in enumerate("PQRS")},
    **{Code.F5 + n: f"\x1b[{number}~" for n, number in enumerate((15, 17, 18, 19, 20, 21, 23, 24))},
}

PAD = {
    Code.PAD_1: (Code.END, "1"),
    Code.PAD_2: (Code.DOWN, "2"),
    Code.PAD_3: (Code.PAGE_DOWN, "3"),
    Code.PAD_4: (Code.LEFT, "4"),
    Code.PAD_5: (Code.NONE, "5"),
    Code.PAD_6: (Code.RIGHT, "6"),
    Code.PAD_7: (Code.HOME, "7"),
    Code.PAD_8: (Code.UP, "8"),
    Code.PAD_9: (Code.PAGE_UP, "9"),
    Code.PAD_0: (Code.INSERT, "0"),
    Code.PAD_PERIOD: (Code.DELETE, "."),
}
"""What these are without NumLock, and with it."""


def us() -> dict[int, tuple[str, str]]:
    """The layout of the United States (ANSI INCITS 154): by key, the texts without and with
    shift; for the pad, without and with NumLock."""
    keys: dict[int, tuple[str, str]] = {
        Code.A + n: (letter, letter.upper()) for n, letter in enumerate(ascii_lowercase)
    }
    for first, (plain, shifted) in US_ROWS.items():
        run = [code for code in Code if code >= first and code is not Code.HASH]
        keys |= zip(run, zip(plain, shifted, strict=True), strict=False)
    keys |= {code: (text, text) for code, text in (EDITING | FUNCTION_KEYS).items()}
    keys |= {code: (EDITING.get(other, ""), digit) for code, (other, digit) in PAD.items()}
    return keys | {Code.HASH: ("\\", "|"), Code.ANGLE: ("\\", "|")}
