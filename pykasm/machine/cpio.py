"""Archives in cpio's `newc` format, as the kernel unpacks them."""

from __future__ import annotations

import stat
from collections.abc import Iterable
from typing import NamedTuple

TRAILER = "TRAILER!!!"


class Entry(NamedTuple):
    """A file in an archive."""

    name: str
    mode: int
    contents: bytes = b""
    user: int = 0
    group: int = 0
    modified: int = 0
    device: tuple[int, int] = (0, 0)
    number: int = 0
    links: int = 1


def directory(name: str, permissions: int = 0o755) -> Entry:
    """A directory."""
    return Entry(name, stat.S_IFDIR | permissions)


def file(name: str, contents: bytes, permissions: int = 0o644) -> Entry:
    """A regular file."""
    return Entry(name, stat.S_IFREG | permissions, contents)


def symlink(name: str, text: str) -> Entry:
    """A symbolic link."""
    return Entry(name, stat.S_IFLNK | 0o777, text.encode())


def archive(entries: Iterable[Entry]) -> bytes:
    """An archive of `entries`, with its trailer."""
    return b"".join(record(one) for one in (*entries, Entry(TRAILER, 0)))


def record(entry: Entry) -> bytes:
    """The header, name and contents of an entry, filled up with zeros."""
    name = entry.name.encode() + b"\0"
    numbers = (
        *(entry.number, entry.mode, entry.user, entry.group, entry.links, entry.modified),
        *(len(entry.contents), 0, 0, *entry.device, len(name), 0),
    )
    head = b"070701" + b"".join(b"%08x" % one for one in numbers) + name
    return padded(head) + padded(entry.contents)


def padded(data: bytes) -> bytes:
    """`data` up to a multiple of 4 bytes."""
    return data + bytes(-len(data) % 4)
