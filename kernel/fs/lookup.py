"""A walk along a name that is under way."""

from __future__ import annotations

from enum import IntEnum, IntFlag

from kernel.fs.credentials import Credentials
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
    """Which `..` does not leave."""
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
