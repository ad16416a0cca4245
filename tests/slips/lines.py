"""Slips in a file's text."""

from __future__ import annotations

import random
import re

from tests.slips.syntax import typo

ODD_TEXTS = (
    "(",
    ")",
    ":",
    ",",
    "'",
    '"',
    '"""',
    "\t",
    "\0",
    "ä",
    "\\",
    "[",
    "}",
    " = ",
    "@",
    "#",
    "1",
)
SETTINGS = ("5", "-1", "0", '"x"', "true", "[]", '["x"]', "{}", "1.5", '"x:y"', '"small.nowhere:x"')


def slip(text: str, chance: random.Random) -> str:
    """`text`, which is Python, with a slip of the keyboard."""
    lines = text.splitlines(keepends=True)
    row = chance.randrange(len(lines))
    line = lines[row]
    at = chance.randrange(len(line))
    match chance.randrange(8):
        case 0:
            lines[row] = line[:at] + chance.choice(ODD_TEXTS) + line[at:]
        case 1:
            lines[row] = line[:at] + line[at + 1 :]
        case 2:
            lines[row] = chance.choice((" ", "    ", "\t", "        ")) + line
        case 3:
            lines[row] = line[chance.randrange(1, 5) :]
        case 4:
            del lines[row]
        case 5:
            other = chance.randrange(len(lines))
            lines[row], lines[other] = lines[other], lines[row]
        case 6:
            lines[row:] = [line[:at]]
        case _:
            words = [*re.finditer(r"\w+", line)]
            if words:
                word = chance.choice(words)
                lines[row] = line[: word.start()] + typo(word[0], chance) + line[word.end() :]
    return "".join(lines)


def setting_slip(text: str, chance: random.Random) -> str:
    """`text`, the settings of the project, with one that is wrong."""
    lines = text.splitlines(keepends=True)
    rows = [row for row, line in enumerate(lines) if " = " in line]
    row = chance.choice(rows)
    name, value = lines[row].rstrip("\n").split(" = ", 1)
    match chance.randrange(6):
        case 0 | 1:
            lines[row] = f"{name} = {chance.choice(SETTINGS)}\n"
        case 2:
            lines[row] = f"{typo(name, chance)} = {value}\n"
        case 3:
            lines[row] = lines[row] * 2
        case 4:
            lines[row] = f"{name} = {typo(value, chance)}\n"
        case _:
            return slip(text, chance)
    return "".join(lines)
