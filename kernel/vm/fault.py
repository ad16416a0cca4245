"""Page faults that are being resolved."""

from __future__ import annotations

from kernel.paging.addresses import UserAddress
from kernel.vm.addressspace import AddressSpace
from kernel.vm.rights import Rights
from pykasm import *


class Fault(Struct):
    """A page that somebody has touched, and what becomes of it."""

    space: Ptr[AddressSpace]
    page: UserAddress
    """Where the page starts."""
    wanted: U32 = field(Rights)
    """What the access needs."""
    is_small: U32
    """1 if no large page is to be tried any more."""
    flags: U64
    """What the entry may have, by the rights of the region."""
    replaced: U64
    """The entry that was there, which counts for a reference to its page until TLBs are flushed; 0
    if there was none."""
