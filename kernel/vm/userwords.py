"""Single words of programs, which they may change at the same time."""

from __future__ import annotations

from kernel.errno import Errno
from kernel.paging.addresses import UserAddress
from kernel.vm.addressspaces import AddressSpaces
from kernel.vm.demandpaging import DemandPaging
from kernel.vm.useraccess import UserAccess
from pykasm import *


class UserWords(Subsystem):
    """Loads and changes words of 4 bytes of the space that the current thread is in, each by one
    instruction. Their addresses are below `USER_END`, and aligned. What would need a page fault
    fails, so that spin locks may be held; `touch` is done without them then, and it is tried
    again."""

    def __init__(self, access: UserAccess, spaces: AddressSpaces, paging: DemandPaging) -> None:
        self.access = access
        self.spaces = spaces
        self.paging = paging

    @function
    def load(self, address: UserAddress) -> tuple[OrErrno[I32], U32]:
        """Return 0 and the word at `address`, or -EFAULT."""
        value, failed = self.access.load(u64(address))
        with if_(failed != 0):
            ret(-Errno.EFAULT, 0)
        ret(0, value)

    @function
    def compare_and_exchange(
        self, address: UserAddress, expected: U32, value: U32
    ) -> tuple[OrErrno[I32], U32]:
        """Write `value` at `address` if the word is as `expected`. Return 0 and what was there, or
        -EFAULT."""
        found, failed = self.access.compare_and_exchange(u64(address), expected, value)
        with if_(failed != 0):
            ret(-Errno.EFAULT, 0)
        ret(0, found)

    @function(context="thread", sleeps=True)
    def touch(self, address: Keep[UserAddress], wanted: Keep[U32]) -> OrErrno[I32]:
        """Have memory at `address` for what needs the right `wanted`. Returns 0 or -EFAULT."""
        space = try_(self.spaces.current(), Errno.EFAULT)
        fail_if(self.paging.resolve_fault(space, address, wanted) != 0, Errno.EFAULT)
        ret(0)
