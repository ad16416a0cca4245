"""All objects of a kind."""

from __future__ import annotations

from kernel.structures.tree import Tree
from kernel.sync.mutex import Mutex
from pykasm import *


class IpcTable(Struct):
    """The objects of a kind, by their indexes and by their keys (Linux: `ipc_ids`)."""

    lock: Mutex
    """Guards the table, all that is in it, and what is waited for there."""
    objects: Tree = field(guarded_by="lock", elements="IpcObject.node")
    keys: Tree = field(guarded_by="lock", elements="IpcObject.by_key")
    count: U32 = field(guarded_by="lock", unlocked_reads=True)
    most: U32
    """How many there may be."""
    lowest_free: U32 = field(guarded_by="lock")
    """No index below it is free."""
    next: U32 = field(guarded_by="lock")
    """One more than the index that was given last."""
    sequence: U32 = field(guarded_by="lock")
    """That of the next object."""
