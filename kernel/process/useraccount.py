"""What one user has."""

from __future__ import annotations

from kernel.structures.tree import TreeNode
from pykasm import *


class UserAccount(Struct):
    """What all threads of a real user have together (Linux: `struct ucounts`)."""

    node: TreeNode = field(guarded_by="UserAccounts.lock")
    """In `UserAccounts.all`; the key is the user's number."""
    tasks: U64 = field(guarded_by="UserAccounts.lock", unlocked_reads=True)
    """How many threads there are; with the last one it goes."""
