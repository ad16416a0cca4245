"""Python lines in colour, for the page."""

from __future__ import annotations

import re
from functools import cache
from html import escape
from keyword import iskeyword

_TOKEN = re.compile(
    r"""
    (?P<comment>\#.*)
    | (?P<string>\b[rbfuRBFU]{1,2}(?=['"])|(?<!\w)(?=['"]))
      (?P<text>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')
    | (?P<number>\b\d[\w.]*)
    | (?P<word>[^\W\d]\w*)
    """,
    re.VERBOSE,
)
"""What has a colour, or would be taken for something that has (Python Reference, 2)."""


@cache
def highlighted(line: str) -> str:
    """`line` of Python as HTML with a class for each kind of token."""
    parts, end = [], 0
    for found in _TOKEN.finditer(line):
        kind = found.lastgroup or ""
        if kind != "word" or iskeyword(found[0]):
            parts.append(escape(line[end : found.start()]))
            name = "string" if kind == "text" else kind
            parts.append(f'<span class="{name}">{escape(found[0])}</span>')
            end = found.end()
    return "".join([*parts, escape(line[end:])])
