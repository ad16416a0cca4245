"""The system call that waits for one of several words."""

from __future__ import annotations

from kernel.clock.units import Nanoseconds
from kernel.errno import Errno
from kernel.futex.futexvectors import FutexVectors, VectorWait
from kernel.mm.heap import Heap
from kernel.paging.addresses import UserAddress
from kernel.process.futexcalls import FutexFlag
from kernel.process.systemcallgroup import SystemCallGroup
from kernel.process.timecalls import ClockId
from kernel.process.timespec import TimeSpecs
from kernel.time.daywaits import DAY_BIT
from kernel.vm.usercopy import UserCopy
from pykasm import *

MOST_WAITS = 128
"""Words that there may be (include/uapi/linux/futex.h: FUTEX_WAITV_MAX)."""

SIZE_32 = 2
"""The flag of a word of 4 bytes, the only size that there is (FUTEX_32)."""


class FutexEntry(Struct):
    """A word to wait for: `struct futex_waitv` (include/uapi/linux/futex.h)."""

    expected: Untrusted[U64]
    address: Untrusted[U64]
    flags: Untrusted[U32]
    reserved: Untrusted[U32]


class FutexVectorCalls(SystemCallGroup):
    """Each method is what Linux does for the call of its name."""

    def __init__(self, vectors: FutexVectors, specs: TimeSpecs, heap: Heap, copy: UserCopy) -> None:
        self.vectors = vectors
        self.specs = specs
        self.heap = heap
        self.copy = copy

    @function(context="thread", sleeps=True)
    def futex_waitv(
        self,
        entries: Keep[Fetched[User[U8]]],
        count: Keep[U32],
        flags: U32,
        timeout: Fetched[User[U8]],
        clock: Untrusted[U32],
    ) -> OrErrno[I64]:
        """Wait for one of the `count` words in the list at `entries`, until the time that `clock`
        shows at `timeout`, if there is one. Returns the number of one that was woken."""
        time, result = local(Nanoseconds), local(I64)
        fail_if((flags != 0) | (count == 0) | (count > MOST_WAITS), Errno.EINVAL)
        fail_if(u64(entries) == 0, Errno.EINVAL)
        try_(self._take_deadline(timeout, clock, address_of(time)))
        mov(eax, count)
        imul(eax, eax, sizeof(VectorWait))
        room = keep(try_(self.heap.allocate(rax), Errno.ENOMEM))
        mov(result, self._wait(cast(room, Ptr[VectorWait]), entries, count, time))
        self.heap.free(room)
        mov(rax, result)
        ret(rax)

    @function(context="thread", sleeps=True)
    def _take_deadline(
        self, timeout: Fetched[User[U8]], clock: Keep[U32], time: Keep[Ptr[Nanoseconds]]
    ) -> OrErrno[I64]:
        """Set what is at `time` to when the wait ends: never, if `timeout` is 0. Returns 0, -EFAULT
        or -EINVAL."""
        mov(at(time), -1)
        with if_(timeout == 0):
            ret(0)
        fail_if((clock != ClockId.REALTIME) & (clock != ClockId.MONOTONIC), Errno.EINVAL)
        try_(self.specs.take(timeout, time))
        with if_(clock == ClockId.REALTIME):
            mov(rax, at(time))
            bts(rax, DAY_BIT)
            mov(at(time), rax)
        ret(0)

    @function(context="thread", sleeps=True)
    def _wait(
        self,
        first: Keep[Ptr[VectorWait]],
        entries: Fetched[User[U8]],
        count: Keep[U32],
        deadline: Keep[Nanoseconds],
    ) -> OrErrno[I64]:
        """Wait as `first`, with room for all words. Returns what `futex_waitv` does."""
        try_(self._take(first, entries, count))
        result = self.vectors.wait(first, count, deadline)
        with if_(result == -Errno.EINTR):
            ret(-Errno.ERESTARTSYS)
        movsxd(rax, result)
        ret(rax)

    @function(context="thread", sleeps=True)
    def _take(
        self, wait: Keep[Ptr[VectorWait]], source: Keep[Fetched[User[U8]]], count: Keep[U32]
    ) -> OrErrno[I64]:
        """Fill in the waits with the list at `source`. Returns 0, -EFAULT or -EINVAL."""
        entry = local(FutexEntry)
        with while_(count != 0):
            self.copy.copy_in_all(address_of(entry), source, sizeof(FutexEntry))
            mov(eax, entry.flags)
            and_(eax, FutexFlag.PRIVATE)
            mov(wait.private, eax)
            xor(eax, entry.flags)
            fail_if((eax != SIZE_32) | (entry.reserved != 0), Errno.EINVAL)
            mov(rax, entry.expected)
            mov(wait.expected, eax)
            mov(rax, entry.address)
            mov(wait.address, cast(rax, UserAddress))
            add(wait, sizeof(VectorWait))
            add(u64(source), sizeof(FutexEntry))
            dec(count)
        ret(0)
