"""What one user has."""

from __future__ import annotations

from kernel.structures.tree import TreeNode
from pykasm import *


class UserAccount(Struct):
    """What all processes of a real user have together (Linux: `struct ucounts`)."""

    node: TreeNode = field(guarded_by="UserAccounts.lock")
    """In `UserAccounts.all`; the key is the user's number."""
    holders: U64 = field(guarded_by="UserAccounts.lock")
    """How many lead to it; with the last one it goes."""
    tasks: U64
    """How many threads there are."""
    signals: U64
    """How many signals are queued."""
    queue_bytes: U64
    """What POSIX message queues may need."""
