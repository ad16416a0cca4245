"""Programs in ELF, as small as can be."""

from __future__ import annotations

import struct
from typing import NamedTuple

from pykasm.encode.keystone import assemble

HEADER = struct.Struct("<4s5B7x2HI3QI6H")
SEGMENT = struct.Struct("<2I6Q")
PAGE = 0x1000
BASE = 0x40_0000
LOAD = 1
READ, WRITE, EXECUTE = 4, 2, 1


class Segment(NamedTuple):
    """A part of a program that is loaded, with `zeros` behind what is in the file."""

    address: int
    contents: bytes
    flags: int = READ | EXECUTE
    zeros: int = 0


def program(*segments: Segment, entry: int) -> bytes:
    """A program with these segments, the first of which also has the headers in front."""
    table = HEADER.size + len(segments) * SEGMENT.size
    place, rows, contents = 0, b"", b""
    for one in segments:
        place += (one.address - place) % PAGE  # as it lies in its page in memory
        size = len(one.contents)
        rows += SEGMENT.pack(LOAD, one.flags, place, one.address, 0, size, size + one.zeros, PAGE)
        contents += bytes(place - table - len(contents)) + one.contents
        place += size
    head = HEADER.pack(
        *(b"\x7fELF", 2, 1, 1, 0, 0, 2, 62, 1, entry, HEADER.size, 0, 0),
        *(HEADER.size, SEGMENT.size, len(segments), 0, 0, 0),
    )
    return head + rows + contents


def code(*lines: str) -> bytes:
    """The machine code of `lines`."""
    made = assemble(list(lines), 64)
    assert made is not None
    return made
