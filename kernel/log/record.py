"""A message as it lies in the log."""

from __future__ import annotations

from kernel.log.level import LogLevel
from pykasm import *

MAX_LENGTH = 496
"""Characters of a message; what is longer is cut off."""


class LogRecord(Struct):
    """What is known of a message besides its text, which follows."""

    ticks: U64
    """The time-stamp counter when the message was written."""
    processor: U32
    """The number of the processor that wrote it."""
    length: U16
    """Bytes of text."""
    level: U8 = field(LogLevel)


class LogMessage(Struct):
    """A copy of a message."""

    record: LogRecord
    text: Array[U8] = field(count=MAX_LENGTH)
    end: U64
    """RecordPlacement for the zero at the end of the text."""
