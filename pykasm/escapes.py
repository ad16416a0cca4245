"""Whether escape sequences may be written."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Literal


def escapes_allowed(environment: Mapping[str, str] = os.environ) -> bool:
    """Return whether a terminal may get escape sequences, for colours or to move its cursor: not
    where `NO_COLOR` says so (no-color.org), or where the terminal knows none (`dumb`)."""
    return not environment.get("NO_COLOR") and environment.get("TERM") != "dumb"


COLOURS: Literal["auto"] | None = "auto" if escapes_allowed() else None
"""Which escape sequences for colours libraries may write, by the name that Rich has for it."""
