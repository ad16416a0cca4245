"""What users have."""

from __future__ import annotations

from kernel.debug.leakcheck import LeakChecks, leak_check
from kernel.locks.spinlock import SpinLock
from kernel.mm.slabs import SlabCache, Slabs
from kernel.process.useraccount import UserAccount
from kernel.structures.tree import Tree, Trees
from pykasm import *


class UserAccounts(LeakChecks):
    """Counts the threads of each user. Context: any."""

    all = bss(Tree, guarded_by="lock", elements="UserAccount.node")
    count = bss(U64)

    def __init__(self, trees: Trees, slabs: Slabs) -> None:
        self.trees = trees
        self.lock = bss(SpinLock)
        self.records = SlabCache(slabs, "user account", UserAccount)
        self.leak_checks = [leak_check("user accounts", self.used_count)]

    @function
    def used_count(self) -> U64:
        """Return the number of accounts."""
        ret(self.count)

    @function
    def enter(self, user: Keep[U32], limit: Keep[U64]) -> OrNull[Owned[Ptr[UserAccount]]]:
        """Count one thread more of `user`. Return the account for `leave`; null if there are
        already as many as `limit` says, or memory is out."""
        account, spare = keep(OrNull[Ptr[UserAccount]]), keep(try_(self.records.allocate()))
        with self.lock.held():
            mov(account, self._find(user))
            with if_((account == 0) & (limit != 0)):
                mov(account, spare)
                disown(spare, "the tree has it")
                xor(u32(spare), u32(spare))
                self._insert(account, user)
            with if_(account != 0):
                with if_(account.tasks < limit):
                    inc(account.tasks)
                with else_():
                    xor(u32(account), u32(account))
        with if_(spare != 0):
            self.records.free(spare)
        ret(account)

    @function(holds="lock")
    def _find(self, user: Keep[U32]) -> OrNull[Ptr[UserAccount]]:
        """Return the account of `user`, or null."""
        mov(eax, user)
        node = scratch(self.trees.at_least(address_of(self.all), rax))
        mov(eax, user)
        fail_if((node == 0) | (node.key != rax))
        ret(container_of(node, UserAccount, "node"))

    @function(holds="lock")
    def _insert(self, account: Ptr[UserAccount], user: U32) -> None:
        """Begin to count the threads of `user` in `account`."""
        mov(account.tasks, 0)
        mov(eax, user)
        mov(account.node.key, rax)
        lock.inc(self.count)
        tail(self.trees.insert, address_of(self.all), address_of(account.node))

    @function
    def leave(self, account: Keep[Owned[Ptr[UserAccount]]]) -> None:
        """Count one thread less in `account`."""
        left = keep(U64)
        with self.lock.held():
            dec(account.tasks)
            mov(left, account.tasks)
            with if_(left == 0):
                self.trees.remove(address_of(self.all), address_of(account.node))
                lock.dec(self.count)
        with if_(left == 0):
            self.records.free(account)
        with else_():
            disown(account, "others are counted there")
