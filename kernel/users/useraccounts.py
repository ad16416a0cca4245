"""What users have."""

from __future__ import annotations

from kernel.debug.leakcheck import LeakChecks, leak_check
from kernel.locks.spinlock import SpinLock
from kernel.mm.slabs import SlabCache, Slabs
from kernel.structures.tree import Tree, Trees
from kernel.users.useraccount import UserAccount
from pykasm import *


class UserAccounts(LeakChecks):
    """Keeps an account for each user that has something. Context: any."""

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
    def hold(self, user: Keep[U32]) -> OrNull[Owned[Ptr[UserAccount]]]:
        """Return a reference to the account of `user`, a new one if there is none; null without
        memory."""
        account, spare = keep(OrNull[Ptr[UserAccount]]), keep(try_(self.records.allocate()))
        with self.lock.held():
            mov(account, self._find(user))
            with if_(account == 0):
                mov(account, spare)
                disown(spare, "the tree has it")
                xor(u32(spare), u32(spare))
                self._insert(account, user)
            inc(account.holders)
            take_over(account, "it was counted now")
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
        """Make `account` that of `user`, who has nothing yet."""
        for name in ("holders", "tasks", "signals", "queue_bytes"):
            mov(getattr(account, name), 0)
        mov(eax, user)
        mov(account.node.key, rax)
        lock.inc(self.count)
        tail(self.trees.insert, address_of(self.all), address_of(account.node))

    @function
    def gain(self, account: Ptr[UserAccount]) -> Owned[Ptr[UserAccount]]:
        """Return one more reference to `account`."""
        account = scratch(account)
        with self.lock.held():
            inc(account.holders)
        take_over(account, "it was counted now")
        ret(account)

    @function
    def drop(self, account: Keep[Owned[Ptr[UserAccount]]]) -> None:
        """Drop a reference to `account`."""
        left = keep(U64)
        with self.lock.held():
            dec(account.holders)
            mov(left, account.holders)
            with if_(left == 0):
                self.trees.remove(address_of(self.all), address_of(account.node))
                lock.dec(self.count)
        with if_(left == 0):
            self.records.free(account)
        with else_():
            disown(account, "others have it")

    @function(clobbers=(rcx,))
    def take(self, counter: Ptr[U64], amount: U64, limit: U64) -> Bool:
        """Add `amount` to a `counter` of an account, unless it would be more than `limit` then.
        Returns whether it was added."""
        mov(rax, amount)
        lock.xadd(at(counter), rax)
        mov(rcx, rax)
        add(rcx, amount)
        with if_(CF | (rcx > limit)):
            lock.sub(at(counter), amount)
            ret(False)
        ret(True)
