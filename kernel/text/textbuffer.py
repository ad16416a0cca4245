"""Memory for a text that is being made."""

from __future__ import annotations

from pykasm import *


class TextBuffer(Struct):
    """Room for a text, and what there is of it; Linux's `struct seq_file`."""

    start: OrNull[Owned[U64]]
    """Null without any room."""
    capacity: U64
    length: U64
    """Bytes that the text has. More than `capacity` if it did not fit: the end is missing then, and
    who makes it knows how much room it takes."""
    outer: OrNull[Ptr[TextBuffer]]
    """Where the text is that this one is made in the middle of."""
