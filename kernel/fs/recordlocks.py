"""Locking parts of files."""

from __future__ import annotations

from kernel.errno import Errno
from kernel.fs.inode import Inode
from kernel.fs.recordlock import RecordKind, RecordLock, RecordWaiter
from kernel.locks.spinlock import SpinLock
from kernel.mm.slabs import SlabCache, Slabs
from kernel.sched.thread import INTERRUPTIBLE
from kernel.sched.waiting import FOREVER
from kernel.structures.list import ListHead
from kernel.sync.pollqueue import ANYTHING, PollQueue
from kernel.sync.pollqueues import PollQueues
from pykasm import *

MOST_STEPS = 10
"""From owner to owner, in the search for one that waits for itself (fs/locks.c,
MAX_DEADLK_ITERATIONS)."""


class SpareRecords(Struct):
    """Records that are there before a list is locked."""

    made: Ptr[RecordLock]
    """For what is wanted."""
    rest: Ptr[RecordLock]
    """For what is left behind a part that is taken out."""


class RecordLocks(Subsystem):
    """What `fcntl` does with locks (fcntl(2), advisory record locking). Context: thread."""

    released = bss(PollQueue)
    """Somebody has given up a part. So few wait that one queue does for all files."""
    waiters = bss(ListHead, guarded_by="lock", elements="RecordWaiter.link")
    """All zero as long as nobody has ever waited."""

    def __init__(self, slabs: Slabs, queues: PollQueues) -> None:
        self.queues = queues
        self.lock = bss(SpinLock)
        """Guards the lists of inodes, and all that is in them."""
        self.records = SlabCache(slabs, "record lock", RecordLock)

    # Looking

    @function
    def find(self, inode: Ptr[Inode], wanted: Keep[Ptr[RecordLock]]) -> Bool:
        """Look for a lock of another owner that forbids what is `wanted`, which becomes a copy of
        it; or for one of the same owner, if no kind is wanted. Returns whether there is one."""
        found = keep(U32)
        with self.lock.held():
            other = scratch(self._conflict(inode, wanted))
            xor(found, found)
            with if_(other != 0):
                inc(found)
                copy_fields(wanted, other, "start", "end")
                copy_fields(wanted, other, "kind", "number")
        ret(found != 0)

    @function(holds="lock")
    def _conflict(self, inode: Ptr[Inode], wanted: Ptr[RecordLock]) -> OrNull[Ptr[RecordLock]]:
        """Return a lock of another owner that forbids what is `wanted`, or one of the same owner
        if no kind is; or null."""
        inode, wanted = scratch(inode), scratch(wanted)
        with if_(inode.records.next == 0):
            ret(0)
        with inode.records.each(RecordLock, "link") as other:
            mov(rax, other.start)
            mov(rcx, other.end)
            lies_there = (rax <= wanted.end) & (rcx >= wanted.start)
            with if_(lies_there), if_(self._concerns(other, wanted)):
                ret(other)
        ret(0)

    @inline(changes=(rax, rcx))
    def _concerns(self, other: Ptr[RecordLock], wanted: Ptr[RecordLock]) -> Condition:
        """Return whether who asks for what is `wanted` is told of `other`, which lies there."""
        mov(rax, other.owner)
        xor(rax, wanted.owner)  # 0 for the same owner
        mov(ecx, other.kind)
        or_(ecx, wanted.kind)
        and_(ecx, RecordKind.WRITE)
        with if_(wanted.kind == RecordKind.NONE):
            xor(ecx, ecx)
            with if_(rax == 0):
                inc(ecx)
                mov(eax, 1)
        with if_(rax == 0):
            xor(ecx, ecx)
        return ecx != 0

    # Changing

    @function(context="thread", sleeps=True)
    def set(
        self, inode: Keep[Ptr[Inode]], wanted: Keep[Ptr[RecordLock]], waits: Keep[U32]
    ) -> OrErrno[I64]:
        """Lock what is `wanted` for its owner, in place of what that has locked there; or unlock
        it. Returns 0; -EAGAIN if another one has locked it and nobody `waits`; -EDEADLK if that one
        waits for this owner; -ERESTARTSYS; -ENOLCK without memory."""
        noted, result = keep(U64), keep(I64)
        with loop():
            mov(noted, self.queues.note(self.released))
            # Before the look, so that what is unlocked after it ends the wait at once
            mov(result, self._try(inode, wanted))
            with if_((result != -Errno.EAGAIN) | (waits == 0)):
                ret(result)
            try_(self._wait(inode, wanted, noted))

    @function(context="thread", sleeps=True)
    def _wait(
        self, inode: Ptr[Inode], wanted: Keep[Ptr[RecordLock]], noted: Keep[U64]
    ) -> OrErrno[I64]:
        """Wait for others to unlock something. Returns 0, -EDEADLK or -ERESTARTSYS."""
        waiter, state = local(RecordWaiter), keep(I64)
        mov(waiter.inode, inode)
        mov(waiter.wanted, wanted)
        with self.lock.held():
            mov(state, self._enter(address_of(waiter)))
        with if_(state == 1):
            # It was unlocked between the look and the list of waiters: no announcement would come
            ret(0)
        try_(state)
        waited = keep(self.queues.wait(address_of(self.released), noted, FOREVER, INTERRUPTIBLE))
        with self.lock.held():
            waiter.link.unlink()
        fail_if(waited != 0, Errno.ERESTARTSYS)
        ret(0)

    @function(holds="lock")
    def _enter(self, waiter: Keep[Ptr[RecordWaiter]]) -> OrErrno[I64]:
        """Note who waits. Returns 0; 1 if nobody forbids it any more; or -EDEADLK if who does waits
        for the waiter, or for one who does, and so on."""
        steps, blocker = keep(U32), keep(U64)
        mov(blocker, self._owner_in_way(waiter))
        with if_(blocker == 0):
            ret(1)
        with if_(self.waiters.next == 0):
            self.waiters.reset()
        mov(steps, MOST_STEPS)
        # Chains that are longer count as no deadlock, as on Linux: the work under the lock has an
        # end
        with while_((blocker != 0) & (steps != 0)):
            wanted = scratch(waiter.wanted)
            fail_if(blocker == wanted.owner, Errno.EDEADLK)
            release(wanted)
            mov(blocker, self._blocker_of(blocker))
            dec(steps)
        link = scratch(address_of(waiter.link))
        self.waiters.append(link)
        ret(0)

    @function(holds="lock")
    def _owner_in_way(self, waiter: Ptr[RecordWaiter]) -> U64:
        """Return who forbids what `waiter` waits for; 0 for nobody."""
        other = self._conflict(waiter.inode, waiter.wanted)
        with if_(other == 0):
            ret(0)
        ret(other.owner)

    @function(holds="lock")
    def _blocker_of(self, owner: U64) -> U64:
        """Return whom `owner` waits for; 0 for nobody, also where that one has unlocked it
        meanwhile."""
        with self.waiters.each(RecordWaiter, "link") as waiter:
            wanted = scratch(waiter.wanted)
            mov(rax, wanted.owner)
            release(wanted)
            with if_(rax == owner):
                tail(self._owner_in_way, waiter)
        ret(0)

    @function(context="thread")
    def _try(self, inode: Keep[Ptr[Inode]], wanted: Keep[Ptr[RecordLock]]) -> OrErrno[I64]:
        """Do what `set` does without waiting. Two records are there before the list is locked: a
        new one, and one for what is left behind a part that is unlocked."""
        made, rest, result = keep(Ptr[RecordLock]), keep(Ptr[RecordLock]), keep(I64)
        spare = local(SpareRecords)
        mov(made, try_(self.records.allocate(), Errno.ENOLCK))
        disown(made, "the list has it, or it is freed below")
        mov(rest, self.records.allocate())
        with if_(rest == 0):
            take_over(made, "nothing has it yet")
            self.records.free(made)
            fail(Errno.ENOLCK)
        disown(rest, "the list has it, or it is freed below")
        mov(made.link.next, 0)
        # By that it is seen below which of them was not needed
        mov(rest.link.next, 0)
        with self.lock.held():
            mov(result, -Errno.EAGAIN)
            with if_(
                (wanted.kind == RecordKind.NONE) | (lambda: self._conflict(inode, wanted) == 0)
            ):
                mov(spare.made, made)
                mov(spare.rest, rest)
                self._change(inode, wanted, address_of(spare))
                xor(u32(result), u32(result))
        for one in (made, rest):
            with if_(one.link.next == 0):
                take_over(one, "no list has it")
                self.records.free(one)
        with if_(result == 0):
            self.queues.announce(address_of(self.released), ANYTHING)
        ret(result)

    @function(holds="lock")
    def _change(
        self,
        inode: Keep[Ptr[Inode]],
        wanted: Keep[Ptr[RecordLock]],
        spare: Keep[Ptr[SpareRecords]],
    ) -> None:
        """Enter what is `wanted`, by way of two new records."""
        made = scratch(spare.made)
        copy_fields(made, wanted, "start", "end", "owner")
        copy_fields(made, wanted, "kind", "number")
        release(made)
        with if_(inode.records.next == 0):
            inode.records.reset()
        with inode.records.each_removable(RecordLock, "link") as one:
            mov(rax, one.owner)
            with if_(rax == wanted.owner):
                mov(eax, one.kind)
                with if_(eax == wanted.kind):
                    self._join(one, wanted, spare.made)
                with else_():
                    self._give_way(inode, one, wanted, spare.rest)
        with if_(wanted.kind != RecordKind.NONE):
            new = scratch(spare.made)
            link = scratch(address_of(new.link))
            inode.records.append(link)

    @function(holds="lock")
    def _join(self, one: Ptr[RecordLock], wanted: Ptr[RecordLock], made: Ptr[RecordLock]) -> None:
        """Make `one` a part of `made`, if it overlaps or touches what is `wanted`."""
        one, wanted, made = scratch(one), scratch(wanted), scratch(made)
        mov(rax, one.end)
        inc(rax)
        mov(rcx, wanted.end)
        # Ends are the last bytes: what only touches is joined, too. The last offset is less than
        # 2^63, so that nothing wraps around
        inc(rcx)
        with if_((rax < wanted.start) | (rcx < one.start)):
            ret()
        mov(rax, one.start)
        with if_(rax < made.start):
            mov(made.start, rax)
        mov(rax, one.end)
        with if_(rax > made.end):
            mov(made.end, rax)
        tail(self._remove, one)

    @function(holds="lock")
    def _remove(self, one: Keep[Ptr[RecordLock]]) -> None:
        """Take `one` out of its list, and free it."""
        one.link.unlink()
        take_over(one, "the list had it")
        self.records.free(one)

    @function(holds="lock")
    def _give_way(
        self,
        inode: Keep[Ptr[Inode]],
        one: Ptr[RecordLock],
        wanted: Ptr[RecordLock],
        rest: Ptr[RecordLock],
    ) -> None:
        """Take from `one` what is `wanted`; if parts before it and behind it are left, the second
        one is `rest`."""
        one, wanted, rest = scratch(one), scratch(wanted), scratch(rest)
        mov(rax, one.end)
        mov(rcx, wanted.end)
        with if_((rax < wanted.start) | (rcx < one.start)):
            ret()
        inc(rcx)
        mov(rdx, wanted.start)
        with if_(rdx > one.start):
            dec(rdx)
            mov(one.end, rdx)
            with if_(rcx <= rax):
                mov(rest.start, rcx)
                mov(rest.end, rax)
                self._copy_rest(inode, one, rest)
            ret()
        with if_(rcx <= rax):
            mov(one.start, rcx)
            ret()
        tail(self._remove, one)

    @inline(changes=(rax, rcx))
    def _copy_rest(self, inode: Ptr[Inode], one: Ptr[RecordLock], rest: Ptr[RecordLock]) -> None:
        """Enter `rest`, a part of what `one` was."""
        mov(rax, one.owner)
        mov(rest.owner, rax)
        copy_fields(rest, one, "kind", "number")
        link = scratch(address_of(rest.link))
        inode.records.append(link)
        release(link)

    @function(context="thread")
    def release(self, inode: Keep[Ptr[Inode]], owner: Keep[U64]) -> None:
        """Unlock all that `owner` has locked."""
        with (
            self.lock.held(),
            if_(inode.records.next != 0),
            inode.records.each_removable(RecordLock, "link") as one,
            if_(one.owner == owner),
        ):
            self._remove(one)
        self.queues.announce(address_of(self.released), ANYTHING)
