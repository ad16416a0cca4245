"""Sizes of memory as people give them."""

from __future__ import annotations

import re

import click

_SIZE = re.compile(r"(?P<number>[0-9]+)(?P<unit>[MG]?)", re.IGNORECASE)
_GIBIBYTE = 1024
"""Mebibytes in one."""


def mebibytes(text: str) -> int:
    """The number of MiB, above 0, that `text` says: `64` or `64M`, or in GiB: `2G`.

    Raises `click.BadParameter` for anything else.
    """
    size = _SIZE.fullmatch(text)
    if size is None or int(size["number"]) == 0:
        raise click.BadParameter(f"{text!r} is no size of memory such as 64, 64M or 2G.")
    return int(size["number"]) * (_GIBIBYTE if size["unit"].upper() == "G" else 1)
