"""The credentials that there are."""

from __future__ import annotations

from kernel.fs.credentials import ALL_CAPABILITIES, Credentials, GroupList
from kernel.mm.heap import Heap
from kernel.mm.slabs import SlabCache, Slabs
from pykasm import *


class CredentialStore(Subsystem):
    """Makes copies of credentials, and frees those that nobody has any more. Context: any."""

    def __init__(self, slabs: Slabs, heap: Heap) -> None:
        self.heap = heap
        self.records = SlabCache(slabs, "credentials", Credentials)
        everything = ("permitted", "effective", "bounding")
        self.root = data(Credentials, Credentials(**dict.fromkeys(everything, ALL_CAPABILITIES)))
        """What the kernel's own threads and the first process have: user 0 with all rights."""

    @function(init=True)
    def start(self) -> None:
        """Count the reference that nobody drops."""
        self.root.references.start()

    @function(exported=True)
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
            self._drop_groups(groups)
        self.records.free(credentials)

    @function
    def _drop_groups(self, groups: Owned[Ptr[GroupList]]) -> None:
        """Drop a reference to a list of groups."""
        with if_(groups.references.drop()):
            tail(self._free_groups, groups)

    @function
    def _free_groups(self, groups: Owned[Ptr[GroupList]]) -> None:
        """Free a list of groups, which nobody has any more."""
        tail(self.heap.free, u64(groups))
