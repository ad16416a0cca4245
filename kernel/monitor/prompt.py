"""The prompt, and how much of a row it leaves for a line."""

from __future__ import annotations

from kernel.console.vga import COLUMNS

PROMPT = "pykasm> "

LINE_SIZE = COLUMNS - len(PROMPT)
"""Bytes of a line with the zero at its end: it never wraps, so `\\b` reaches all of it."""
