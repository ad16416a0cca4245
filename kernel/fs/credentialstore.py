"""The credentials that there are."""

from __future__ import annotations

from kernel.fs.credentials import ALL_CAPABILITIES, Credentials, GroupList
from kernel.mm.heap import Heap
from kernel.mm.slabs import SlabCache, Slabs
from kernel.structures.sort import HeapSort
from pykasm import *


class CredentialStore(Subsystem):
    """Makes copies of credentials, and frees those that nobody has any more. Context: any."""

    def __init__(self, slabs: Slabs, heap: Heap, sort: HeapSort) -> None:
        self.heap = heap
        self.heap_sort = sort
        self.records = SlabCache(slabs, "credentials", Credentials)
        everything = ("permitted", "effective", "bounding")
        self.root = data(Credentials, Credentials(**dict.fromkeys(everything, ALL_CAPABILITIES)))
        """What the kernel's own threads and the first process have: user 0 with all rights."""

    @function(init=True)
    def start(self) -> None:
        """Count the reference that nobody drops."""
        self.root.references.start()

    @function
    def copy(self, credentials: Keep[Ptr[Credentials]]) -> Owned[OrNull[Ptr[Credentials]]]:
        """Return a copy that nobody else has yet, so that it may be changed; null without
        memory."""
        copy = scratch(try_(self.records.allocate()))
        mov(rsi, credentials)
        mov(rdi, copy)
        mov(ecx, sizeof(Credentials) // sizeof(U64))
        mov(rdx, copy)
        rep.movsq()
        copied = scratch(cast(rdx, Ptr[Credentials]))
        copied.references.start()
        groups = scratch(copied.groups)
        with if_(groups != 0):
            groups.references.gain()
            disown(groups, "the copy has it")
        ret(copied)

    @function
    def drop(self, credentials: Owned[Ptr[Credentials]]) -> None:
        """Drop a reference to `credentials`."""
        with if_(credentials.references.drop()):
            tail(self.free, credentials)

    @function
    def free(self, credentials: Keep[Owned[Ptr[Credentials]]]) -> None:
        """Free `credentials`, which nobody has any more."""
        groups = scratch(credentials.groups)
        with if_(groups != 0):
            self.drop_groups(groups)
        self.records.free(credentials)

    # Groups

    @function
    def make_groups(self, count: Keep[U32]) -> Owned[OrNull[Ptr[GroupList]]]:
        """Return a list of `count` groups that has room to be sorted and no contents yet; null
        without memory."""
        mov(eax, count)
        lea(rax, bare[rax * sizeof(U64) + sizeof(GroupList)])
        list = scratch(cast(try_(self.heap.allocate(rax)), Ptr[GroupList]))
        list.references.start()
        mov(list.count, count)
        ret(list)

    @function
    def sort_groups(self, list: Keep[Ptr[GroupList]]) -> None:
        """Sort `list`, which nobody else has yet. It is one of 64-bit numbers meanwhile."""
        place, wide = scratch(U64), keep(U64)
        lea(wide, list.groups[0])
        mov(u32(place), list.count)
        with while_(place != 0):  # from the end: nothing is overwritten that is still to be read
            dec(place)
            mov(eax, list.groups[place])
            mov(u64[wide + place * sizeof(U64)], rax)
        release(place)
        mov(ecx, list.count)
        self.heap_sort.sort(wide, rcx, sizeof(U64))
        position = scratch(U64)
        xor(u32(position), u32(position))
        with while_(u32(position) < list.count):
            mov(rax, u64[wide + position * sizeof(U64)])
            mov(list.groups[position], eax)
            inc(position)

    @function
    def drop_groups(self, groups: Owned[Ptr[GroupList]]) -> None:
        """Drop a reference to a list of groups."""
        with if_(groups.references.drop()):
            tail(self._free_groups, groups)

    @function
    def _free_groups(self, groups: Owned[Ptr[GroupList]]) -> None:
        """Free a list of groups, which nobody has any more."""
        tail(self.heap.free, u64(groups))
