"""Assembly text split into tokens."""

from __future__ import annotations

import re

from pykasm.errors import OperandFormMistake

LONGEST_LINE = 500
"""More characters than any instruction needs; bounds the work that a line can ask for."""

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<option>\{[^{}]*\})
        |(?P<operator><<|>>|[\[\]()+\-*/%|&^~:,.])
        |(?P<here>\$)
        |(?P<character>'(?:\\.|[^\\])(?:'|(?!\w)))
        |(?P<word>[A-Za-z_][\w.]*|\d\w*)
        |(?P<comment>\#.*)
        |(?P<other>\S)
    )""",
    re.VERBOSE,
)
_ESCAPES = {"b": 8, "f": 12, "n": 10, "r": 13, "t": 9, "\\": 92, "'": 39, '"': 34}
"""What stands after a backslash in quotes, and the character that it means."""


def tokens_of(text: str) -> list[str]:
    """Split a line into tokens, without its comment (`#` to the end).

    A character in quotes becomes its number, `$` the `.` that means the same in Intel syntax, and
    what stands in braces one token.
    """
    if len(text) > LONGEST_LINE:
        raise OperandFormMistake(
            "the line is too long",
            expected=f"at most {LONGEST_LINE} characters",
            got=f"{len(text)}",
        )
    found = []
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup or ""
        token = match[kind]
        if kind == "other":
            if token == ";" and not text[match.end() :].partition("#")[0].strip():
                break
            raise _no_token(token, text, match.end())
        if kind == "option":
            found.append(f"{{{''.join(token[1:-1].split())}}}")
        elif kind == "character":
            found.append(str(character(token[1:])))
        elif kind != "comment":
            found.append("." if kind == "here" else token)
    return found


def _no_token(token: str, text: str, end: int) -> OperandFormMistake:
    if token == ";":
        return OperandFormMistake(
            "`;` begins another instruction to GNU as, a comment to others",
            expected="one instruction a line, comments after `#`",
            got=f"`;{text[end:].rstrip()}`",
        )
    if token == "'":
        return OperandFormMistake(
            "a character constant is one character in quotes",
            expected="`'a'`, or one of `'\\b' '\\f' '\\n' '\\r' '\\t' '\\\\' '\\''`",
            got=f"`{text.strip()}`",
        )
    return OperandFormMistake(
        f"`{token}` has no meaning in an instruction",
        expected="mnemonics, registers, numbers and `[ ] ( ) + - * / % | & ^ ~ << >> : ,`",
        got=f"`{text.strip()}`",
    )


def character(text: str) -> int:
    """The number of the character that `text`, from behind the quote, begins with."""
    if text[0] != "\\":
        code = text[0].encode()
        if len(code) == 1:
            return code[0]
    elif text[1] in _ESCAPES:
        return _ESCAPES[text[1]]
    raise OperandFormMistake(
        f"`{text.rstrip(chr(39))}` is no character of one byte",
        expected="an ASCII character, or a backslash and one of `b f n r t \\ ' \"`",
        got=f"`'{text}`",
    )
