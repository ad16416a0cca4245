"""Locks that end with their owners."""

from __future__ import annotations

from kernel.futex.futexes import ALL_BITS, Futexes
from kernel.futex.futexkeys import FutexKeys
from kernel.mm.memoryshortage import MemoryShortage
from kernel.paging.addresses import UserAddress
from kernel.vm.rights import Rights
from kernel.vm.usercopy import UserCopy
from kernel.vm.userwords import UserWords
from pykasm import *

WAITERS = 0x8000_0000
OWNER_DIED = 0x4000_0000
OWNER_MASK = 0x3FFF_FFFF
"""Bits of the word of a lock (include/uapi/linux/futex.h: FUTEX_WAITERS and so on)."""

MOST_LOCKS = 2048
"""Locks of a list that are looked at: it may be circular (Linux: ROBUST_LIST_LIMIT)."""

INHERITS = 1
"""The bit of the address of an entry that says that its lock inherits priorities."""


class RobustListHead(Struct):
    """Where a thread keeps the list of its locks: `struct robust_list_head`."""

    first: Untrusted[U64]
    """The first entry; the head itself behind the last one."""
    offset: Untrusted[U64]
    """From an entry to the word of its lock."""
    pending: Untrusted[U64]
    """An entry that is being added or removed; 0 for none."""


class RobustLists(Subsystem):
    """Marks the locks of a thread that ends, and wakes who waits for them (get_robust_list(2)).
    What the list says is as bad as it may be: the first address that leads nowhere ends it.
    Context: thread."""

    def __init__(
        self,
        futexes: Futexes,
        keys: FutexKeys,
        words: UserWords,
        copy: UserCopy,
        shortage: MemoryShortage,
    ) -> None:
        self.futexes = futexes
        self.keys = keys
        self.words = words
        self.copy = copy
        self.shortage = shortage

    @function(context="thread", sleeps=True)
    def end(self, head: Keep[User[U8]], owner: Keep[U32]) -> None:
        """Mark all locks in the list at the program's `head` that the thread `owner` has."""
        list, entry, left = local(RobustListHead), local(U64), keep(U32)
        with if_(self._copy_in(address_of(list), head, sizeof(RobustListHead)) != 0):
            ret()
        mov(rax, list.first)
        mov(entry, rax)
        mov(left, MOST_LOCKS)
        with while_(left != 0):
            mov(rax, entry)
            and_(rax, -INHERITS - 1)
            break_if(rax == u64(head))
            with if_(rax != list.pending):  # that is dealt with last
                break_if(self._release(rax, list.offset, owner, 0) != 0)
                mov(rax, entry)
                and_(rax, -INHERITS - 1)
            source = cast(scratch(rax), User[U8])
            break_if(self._copy_in(address_of(entry), source, sizeof(U64)) != 0)
            dec(left)
        mov(rax, list.pending)
        and_(rax, -INHERITS - 1)
        with if_(rax != 0):
            ignore(self._release(rax, list.offset, owner, 1), "it was the last")

    @function(context="thread", sleeps=True)
    def _copy_in(self, target: U64, source: Fetched[User[U8]], length: U64) -> OrErrno[I32]:
        """Copy in `length` bytes. Returns 0 or -EFAULT."""
        target, source, length, result = keep(target), keep(source), keep(length), keep(I32)
        with loop():
            refetch(source, "nothing of what failed has been used")
            failed, left = self.copy.copy_in(target, source, length)
            mov(result, failed)
            ignore(left)
            break_if(result == 0)
            break_if(~self.shortage.wait())
        ret(result)

    @function(context="thread", sleeps=True)
    def _touch(self, address: Keep[UserAddress], wanted: Keep[U32]) -> OrErrno[I32]:
        """Have the page at `address` there, with the rights `wanted`. Returns 0 or -EFAULT."""
        result = keep(I32)
        with loop():
            mov(result, self.words.touch(address, wanted))
            break_if(result == 0)
            break_if(~self.shortage.wait())
        ret(result)

    @function(context="thread", sleeps=True)
    def _release(
        self,
        entry: Untrusted[U64],
        offset: Untrusted[U64],
        owner: Keep[U32],
        pending: Keep[U32],
    ) -> OrErrno[I32]:
        """Mark the lock of the `entry` as one whose owner has died, if `owner` has it, and wake one
        who waits. One that is `pending` may have been released already, but nobody woken. Returns
        0, -EFAULT or -EINVAL."""
        address, value = keep(UserAddress), keep(U32)
        mov(u64(address), entry)
        add(u64(address), offset)
        try_(self.keys.check(address))
        with loop():
            failed, found = self.words.load(address)
            mov(value, found)
            with if_(failed != 0):
                try_(self._touch(address, Rights.READ))
            with else_():
                with if_((pending != 0) & (value == 0)):
                    ignore(self.futexes.wake(address, 0, 1, ALL_BITS), "nobody is left to tell")
                    ret(0)
                mov(eax, value)
                and_(eax, OWNER_MASK)
                with if_(eax != owner):
                    ret(0)
                break_if(self._mark(address, value) != 0)
        with if_(value & WAITERS):
            ignore(self.futexes.wake(address, 0, 1, ALL_BITS), "nobody is left to tell")
        ret(0)

    @function(context="thread", sleeps=True)
    def _mark(self, address: Keep[UserAddress], value: Keep[U32]) -> Bool:
        """Write OWNER_DIED instead of the owner, if there is still `value`. Returns whether that
        was done, or can't be."""
        fresh = scratch(value)
        and_(fresh, WAITERS)
        or_(fresh, OWNER_DIED)
        failed, found = self.words.compare_and_exchange(address, value, fresh)
        with if_(failed != 0):
            ret(self._touch(address, Rights.WRITE) != 0)
        ret(found == value)
