"""How much message queues users may have."""

from __future__ import annotations

from kernel.errno import Errno
from kernel.ipc.queueaccount import QueueAccount
from kernel.locks.spinlock import SpinLock
from kernel.mm.slabs import SlabCache, Slabs
from kernel.structures.tree import Tree, Trees
from pykasm import *


class QueueAccounts(Subsystem):
    """Counts what the queues of each user take, for RLIMIT_MSGQUEUE (getrlimit(2)). Context:
    thread."""

    all = bss(Tree, guarded_by="lock", elements="QueueAccount.node")

    def __init__(self, trees: Trees, slabs: Slabs) -> None:
        self.trees = trees
        self.lock = bss(SpinLock)
        self.records = SlabCache(slabs, "queue account", QueueAccount)

    @function
    def enter(
        self, user: Keep[U32], cost: Keep[U64], limit: Keep[U64]
    ) -> tuple[OrErrno[I32], Owned[OrNull[Ptr[QueueAccount]]]]:
        """Count a queue of `user` that takes `cost` bytes. Returns 0 and the account for `leave`;
        or null, and -EMFILE if all would take more than `limit`, or -ENOMEM."""
        account, spare = keep(OrNull[Ptr[QueueAccount]]), keep(self.records.allocate())
        with if_(spare == 0):
            ret(-Errno.ENOMEM, 0)
        with self.lock.held():
            mov(account, self._find(user))
            with if_((account == 0) & (cost <= limit)):
                mov(account, spare)
                disown(spare, "the tree has it")
                xor(u32(spare), u32(spare))
                self._insert(account, user)
            with if_(account != 0):
                mov(rax, account.bytes)
                add(rax, cost)
                with if_(~CF & (rax <= limit)):
                    mov(account.bytes, rax)
                    inc(account.queues)
                with else_():
                    xor(u32(account), u32(account))
        with if_(spare != 0):
            self.records.free(spare)
        with if_(account == 0):
            ret(-Errno.EMFILE, 0)
        ret(0, account)

    @function(holds="lock")
    def _find(self, user: Keep[U32]) -> OrNull[Ptr[QueueAccount]]:
        """Return the account of `user`, or null."""
        mov(eax, user)
        node = scratch(self.trees.at_least(address_of(self.all), rax))
        mov(eax, user)
        fail_if((node == 0) | (node.key != rax))
        ret(container_of(node, QueueAccount, "node"))

    @function(holds="lock")
    def _insert(self, account: Ptr[QueueAccount], user: U32) -> None:
        """Begin to count what `user` has in `account`."""
        mov(account.queues, 0)
        mov(account.bytes, 0)
        mov(eax, user)
        mov(account.node.key, rax)
        tail(self.trees.insert, address_of(self.all), address_of(account.node))

    @function
    def leave(self, account: Keep[Owned[Ptr[QueueAccount]]], cost: Keep[U64]) -> None:
        """Count a queue less in `account`, which took `cost` bytes."""
        left = keep(U64)
        with self.lock.held():
            sub(account.bytes, cost)
            dec(account.queues)
            mov(left, account.queues)
            with if_(left == 0):
                self.trees.remove(address_of(self.all), address_of(account.node))
        with if_(left == 0):
            self.records.free(account)
        with else_():
            disown(account, "other queues are counted there")
