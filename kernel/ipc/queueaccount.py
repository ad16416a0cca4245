"""What the message queues of a user take."""

from __future__ import annotations

from kernel.structures.tree import TreeNode
from pykasm import *


class QueueAccount(Struct):
    """Bytes that the queues of a user may need."""

    node: TreeNode = field(guarded_by="QueueAccounts.lock")
    """In `QueueAccounts.all`; the key is the user's number."""
    queues: U64 = field(guarded_by="QueueAccounts.lock")
    """With the last one it goes."""
    bytes: U64 = field(guarded_by="QueueAccounts.lock")
