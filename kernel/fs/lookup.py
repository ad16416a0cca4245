"""A walk along a name that is under way."""

from __future__ import annotations

from enum import IntEnum, IntFlag

from kernel.fs.credentials import Credentials
from kernel.fs.fscontext import FsContext
from kernel.fs.namekey import NameKey
from kernel.fs.path import Path
from pykasm import *

MOST_LINKS = 40
"""Symbolic links that a walk follows (path_resolution(7))."""


class LookupFlag(IntFlag):
    """What the caller wants."""

    FOLLOW = 1 << 0
    """Follow a symbolic link that the name ends with."""
    PARENT = 1 << 1
    """Stop before the last part of the name."""
    EMPTY = 1 << 2
    """An empty name is where the walk starts (AT_EMPTY_PATH)."""
    LAST = 1 << 3
    """Found on the way: this is the last part of the name."""
    SLASH = 1 << 4
    """Found on the way: slashes end the name, so that it has to be a directory's."""
    UNNOTICED = 1 << 5
    """Mounts at which the walk comes by go on expiring."""

    # What `openat2` asks for (include/uapi/linux/openat2.h): `Resolve`, shifted by `RESOLVE_SHIFT`

    NO_CROSSING = 1 << 8
    """Stay in one mount (-EXDEV)."""
    NO_MAGIC = 1 << 9
    """Go along no link that has no text (-ELOOP)."""
    NO_SYMLINKS = 1 << 10
    """Go along no link (-ELOOP)."""
    BENEATH = 1 << 11
    """Do not leave where the walk starts (-EXDEV)."""
    IN_ROOT = 1 << 12
    """That is the root."""
    CACHED = 1 << 13
    """Go on as long as nobody has to be asked (-EAGAIN)."""


RESOLVE_SHIFT = 8
SCOPED = LookupFlag.BENEATH | LookupFlag.IN_ROOT


class LastPart(IntEnum):
    """What a walk has stopped before."""

    NONE = 0
    """Nothing: the name has no parts, as `/`."""
    NAME = 1
    DOT = 2
    DOT_DOT = 3


class LinkText(Struct):
    """The text of a symbolic link along which a walk goes."""

    outer: OrNull[Owned[Ptr[LinkText]]]
    """That in which the link was met; null for the name itself."""
    rest: Ptr[U8]
    """What comes after the link there."""
    text: Array[U8]


class Lookup(Struct):
    """The state of a walk; Linux's `struct nameidata`."""

    place: Path
    """How far it has come."""
    root: Path
    """Which `..` does not leave; nowhere as long as nothing depends on it."""
    first: U64
    """The address of the mount that it began in."""
    context: Ptr[FsContext]
    credentials: Ptr[Credentials]
    flags: U32 = field(LookupFlag)
    links: U32
    """How many symbolic links it has followed."""
    rest: Ptr[U8]
    """What is left of the name, or of a link's text."""
    texts: OrNull[Owned[Ptr[LinkText]]]
    key: NameKey
    """The part of the name at which it is."""
    last: U32 = field(LastPart)
