"""A file on an ISO 9660 volume, found and exchanged for another one (ECMA-119, clauses 8 and 9).

All that a volume says of the contents of a file is how long it is: exchanging one that takes as
many sectors gives the same volume as making it anew.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

SECTOR = 2048
"""Bytes of a logical sector (6.1.2); xorriso's logical blocks are as large."""

DESCRIPTOR = 16 * SECTOR
"""Where the primary volume descriptor begins, behind the system area (6.2.1)."""

ROOT = DESCRIPTOR + 156
"""The record of the root directory (8.4.18)."""

BOTH_ORDERS = (struct.Struct("<I"), struct.Struct(">I"))
"""A number is there twice, least and most significant byte first (7.3.3)."""

EXTENT, LENGTH, NAME_LENGTH, NAME = 2, 10, 32, 33
"""Offsets in a directory record (9.1)."""

VERSION = ";1"
"""Ends the names of files (7.5.1)."""


class NoSuchFile(LookupError):
    """The volume has no file of that name."""


class _Entry(NamedTuple):
    """A directory record: where it lies, and the bytes from `start` on that it is about."""

    at: int
    name: str
    start: int
    length: int


def sectors(length: int) -> int:
    """How many sectors `length` bytes take."""
    return -(-length // SECTOR)


def exchange(volume: bytearray, path: str, contents: bytes) -> None:
    """Make `contents` those of the file `path`, which is given with slashes as people write it.

    Raises `NoSuchFile` if it is not there, `ValueError` if it takes another number of sectors.
    """
    entry = _record(volume, ROOT)
    for name in path.strip("/").upper().split("/"):
        entry = _found(volume, entry, name)
    room = sectors(entry.length) * SECTOR
    if sectors(len(contents)) * SECTOR != room:
        raise ValueError(f"{path} takes {room} bytes, no room for {len(contents)}")
    volume[entry.start : entry.start + room] = contents.ljust(room, b"\0")
    for number, order in enumerate(BOTH_ORDERS):
        order.pack_into(volume, entry.at + LENGTH + number * order.size, len(contents))


def _found(volume: bytearray, folder: _Entry, name: str) -> _Entry:
    for entry in _entries(volume, folder):
        if entry.name in (name, name + VERSION):
            return entry
    raise NoSuchFile(name)


def _entries(volume: bytearray, folder: _Entry) -> Iterator[_Entry]:
    for sector in range(folder.start, folder.start + folder.length, SECTOR):
        at = sector
        while at < sector + SECTOR and volume[at]:  # a zero: the next record is in the next sector
            yield _record(volume, at)
            at += volume[at]


def _record(volume: bytearray, at: int) -> _Entry:
    little = BOTH_ORDERS[0]
    (block,) = little.unpack_from(volume, at + EXTENT)
    (length,) = little.unpack_from(volume, at + LENGTH)
    name = volume[at + NAME : at + NAME + volume[at + NAME_LENGTH]].decode("latin-1")
    return _Entry(at, name, block * SECTOR, length)
