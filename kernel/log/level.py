"""Severities of log messages."""

from __future__ import annotations

from enum import IntEnum

from kernel.text.colour import NORMAL, Colour


class LogLevel(IntEnum):
    """The severities that the kernel uses (RFC 5424, 6.2.1); a lower number is more severe."""

    ERROR = 3
    WARNING = 4
    NOTICE = 5
    INFO = 6
    DEBUG = 7

    @property
    def colour(self) -> Colour:
        """Return the colour of messages of this level on the screen."""
        return COLOURS.get(self, NORMAL)


COLOURS = {LogLevel.ERROR: Colour.LIGHT_RED, LogLevel.WARNING: Colour.YELLOW}

CONSOLE_LEVEL = LogLevel.WARNING
"""Messages of this level, and more severe ones, are printed on the console at once."""
