"""Finding out which word a program means."""

from __future__ import annotations

from kernel.cpu.pagetable import PAGE
from kernel.errno import Errno
from kernel.futex.futexwaiter import FutexKey
from kernel.paging.addresses import UserAddress, below_user_end
from kernel.paging.entryformat import EntryFormat
from kernel.sync.biasedlock import BiasedLocks
from kernel.vm.addressspace import AddressSpace
from kernel.vm.addressspaces import AddressSpaces
from kernel.vm.demandpaging import DemandPaging
from kernel.vm.region import RegionFlags
from kernel.vm.regions import Regions
from kernel.vm.rights import Rights
from kernel.vm.userpages import UserPages
from pykasm import *


class FutexKeys(Subsystem):
    """Makes keys of addresses. Context: thread."""

    def __init__(
        self,
        spaces: AddressSpaces,
        regions: Regions,
        locks: BiasedLocks,
        paging: DemandPaging,
        pages: UserPages,
        entries: EntryFormat,
    ) -> None:
        self.spaces = spaces
        self.regions = regions
        self.locks = locks
        self.paging = paging
        self.pages = pages
        self.entries = entries

    @function
    def check(self, address: Untrusted[UserAddress]) -> OrErrno[I32]:
        """Return 0 if `address` may be that of a word, else -EINVAL or -EFAULT."""
        fail_if(address & (sizeof(U32) - 1), Errno.EINVAL)
        fail_if(~below_user_end(address), Errno.EFAULT)
        ret(0)

    @function(context="thread", sleeps=True)
    def find(
        self, key: Keep[Ptr[FutexKey]], address: Keep[Untrusted[UserAddress]], private: Keep[U32]
    ) -> OrErrno[I32]:
        """Set `key` to the word at `address` of the space that this thread is in. Unless `private`
        is 0, nobody shares its memory. Returns 0; -EINVAL for an address that is no word's, or
        -EFAULT."""
        try_(self.check(address))
        space = keep(try_(self.spaces.current(), Errno.EFAULT))
        mov(key.space, space)
        mov(key.place, address)
        with if_(private == 0):
            shared = try_(self._is_shared(space, address))
            with if_(shared != 0):
                mov(key.space, 0)
                tail(self._find_physical, key, space, address)
        ret(0)

    @function(context="thread", sleeps=True)
    def _is_shared(
        self, space: Keep[Ptr[AddressSpace]], address: Keep[UserAddress]
    ) -> OrErrno[I32]:
        """Return 1 if several may share the memory at `address`, else 0; -EFAULT if there is
        none, or none that may be used."""
        shared = keep(I32)
        mov(shared, -Errno.EFAULT)
        with self.locks.read_held(space.regions_lock):
            region = self.regions.find(space, address)
            with if_((region != 0) & (region.rights != 0)):
                mov(u32(shared), region.flags)
                and_(u32(shared), RegionFlags.SHARED)
        ret(shared)

    @function(context="thread", sleeps=True)
    def _find_physical(
        self, key: Keep[Ptr[FutexKey]], space: Keep[Ptr[AddressSpace]], address: Keep[UserAddress]
    ) -> OrErrno[I32]:
        """Set the place in `key` to the physical address of the word at `address`, whose page stays
        where it is as long as somebody has it mapped. Returns 0 or -EFAULT."""
        entry = keep(U64)
        with loop():
            mov(entry, self.pages.find(space, address))
            break_if(entry != 0)
            fail_if(self.paging.resolve_fault(space, address, Rights.READ) != 0, Errno.EFAULT)
        and_(entry, self.entries.address_mask)
        and_(address, PAGE - 1)
        add(entry, address)
        mov(key.place, entry)
        ret(0)
