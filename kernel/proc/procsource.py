"""Which files there are in procfs, and who knows what they tell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pykasm import *

PROCESS, THREAD, FILE = "PID", "TID", "FD"
"""Parts of paths that stand for any number: of a process, a thread, an open file."""


@dataclass(frozen=True)
class ProcText:
    """A regular file at `path`, seen from the root of procfs, whose text `show` writes."""

    path: str
    show: Any
    mode: int = 0o444
    is_private: bool = False
    """Only who may look into the process may open it."""
    store: Any = 0
    """Takes what is written to it."""


@dataclass(frozen=True)
class ProcConstant:
    """A regular file at `path`, whose `text` never changes."""

    path: str
    text: str


@dataclass(frozen=True)
class ProcSetting:
    """A regular file at `path` for the number in `place`, a datum of 64 bits, which root may set
    from `least` to `most`."""

    path: str
    place: Any
    least: int
    most: int


@dataclass(frozen=True)
class ProcPlain:
    """A regular file at `path`, with operations of its own."""

    path: str
    operations: Any
    mode: int
    is_private: bool = False
    """Only who may look into the process may open it."""


@dataclass(frozen=True)
class ProcLink:
    """A symbolic link without a text of its own (see `InodeOperations`)."""

    path: str
    read_link: Any
    follow: Any


@dataclass(frozen=True)
class ProcNumbers:
    """Directories or links whose names are numbers: the last part of `path` stands for any (see
    `ProcMembers`)."""

    path: str
    next: Any
    enter: Any
    member: ProcLink | ProcText | None = None
    """What they are, if they are no directories."""
    has_hidden: bool = False
    """Others can be found that are not listed."""
    is_private: bool = False
    """Only who may look into the process may see them."""


ProcFile = ProcText | ProcConstant | ProcSetting | ProcPlain | ProcLink | ProcNumbers


class ProcSource(Subsystem):
    """A subsystem that knows what some files tell."""

    proc_files: list[ProcFile]
    """These files, which the constructor names."""
