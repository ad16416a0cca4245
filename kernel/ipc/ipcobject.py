"""What all that is shared by keys has."""

from __future__ import annotations

from enum import IntEnum, IntFlag

from kernel.structures.tree import TreeNode
from pykasm import *

PRIVATE_KEY = 0
"""The key of what no key leads to (include/uapi/linux/ipc.h, IPC_PRIVATE)."""

PERMISSIONS = 0o777
"""The bits of a mode that say who may do what."""


class IpcFlag(IntFlag):
    """What calls take beside permissions (include/uapi/linux/ipc.h)."""

    CREATE = 0o1000
    EXCLUSIVE = 0o2000
    NO_WAIT = 0o4000


class IpcCommand(IntEnum):
    """What is done with all kinds (include/uapi/linux/ipc.h)."""

    REMOVE = 0
    SET = 1
    STATUS = 2
    INFORMATION = 3


class IpcAccess(IntFlag):
    """What is wanted of something, in the places of the owner, the group and others at once."""

    READ = 0o444
    WRITE = 0o222
    EXECUTE = 0o111


class IpcObject(Struct):
    """What a message queue, a set of semaphores or a segment of memory begins with (Linux:
    `kern_ipc_perm`). The lock of its table guards it."""

    node: TreeNode
    """In `IpcTable.objects`; the key is its index."""
    by_key: TreeNode
    """In `IpcTable.keys`; the key is that which programs find it by. In no tree without one."""
    id: U32
    """What programs call it by: the index, and the sequence number above that."""
    key: U32
    sequence: U32
    user: U32
    group: U32
    creator_user: U32
    creator_group: U32
    mode: U32
    """Who may do what, and what else there is to say of a segment."""
    changed: U64
    """Seconds since 1970 at its last change by its owner."""
