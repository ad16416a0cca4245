"""Messages without what differs from place to place, so that tests can state them whole."""

from __future__ import annotations

import re

_PLACE = re.compile(r"^  \S+\.py:\d+$", re.MULTILINE)
_LINE = re.compile(r"^  +\d+ \|", re.MULTILINE)


def normalised(message: str) -> str:
    """`message` with `FILE:LINE` for places and `LINE |` before quoted source."""
    return _LINE.sub("  LINE |", _PLACE.sub("  FILE:LINE", message))
