"""A message in the log."""

from __future__ import annotations

from kernel.log.level import LogLevel
from pykasm import *

MAX_LENGTH = 496
"""Characters of a message; longer ones are truncated."""


class LogRecord(Struct):
    """The header of a message in the ring; its text follows."""

    ticks: U64
    """The time-stamp counter when the message was written."""
    processor: U32
    """The number of the processor that wrote it."""
    length: U16
    """Bytes of text."""
    level: U8 = field(LogLevel)


class LogMessage(Struct):
    """A copy of a message, for a reader."""

    record: LogRecord
    text: Array[U8] = field(count=MAX_LENGTH)
    end: U64
    """Space for the zero after the longest text."""
