"""Sessions and process groups (POSIX.1, 3.282 and 3.347)."""

from __future__ import annotations

from kernel.structures.list import ListHead
from kernel.structures.refcount import ReferenceCount
from kernel.structures.tree import TreeNode
from pykasm import *


class ControllingTerminal(Struct):
    """What a terminal has to do with jobs (POSIX.1, 11.1.3)."""

    references: ReferenceCount = field(freed_by="Terminals.free")
    """To the terminal."""
    session: OrNull[Ptr[Session]] = field(guarded_by="Processes.lock")
    """The one that it controls."""
    foreground: U32 = field(guarded_by="Processes.lock")
    """The number of the group that gets its signals, and may read."""
    device: U32
    """The number of its device, as programs see it."""
    is_gone: U32 = field(guarded_by="Processes.lock")
    """1 once it was hung up for good: it controls nothing any more."""


class Session(Struct):
    """Process groups that belong to one terminal, or to none. It lasts as long as it has some."""

    number: U32
    """That of the process which began it."""
    groups: U32 = field(guarded_by="Processes.lock")
    """How many process groups it has."""
    terminal: OrNull[Ptr[ControllingTerminal]] = field(guarded_by="Processes.lock")
    left: U32 = field(guarded_by="Processes.lock")
    """The number of the group that was in the foreground when its terminal was hung up; 0 if there
    was none."""


class ProcessGroup(Struct):
    """Processes that get signals together: a job of a shell. It lasts as long as it has some."""

    node: TreeNode = field(guarded_by="Processes.lock")
    """In `ProcessGroups.all`; the key is its number, that of the process which began it."""
    session: Ptr[Session]
    members: ListHead = field(guarded_by="Processes.lock", elements="Process.group_link")
