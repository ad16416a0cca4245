"""Names of files that programs give."""

from __future__ import annotations

from kernel.cpu.pagetable import PAGE
from kernel.errno import Errno
from kernel.mm.pages import Pages
from kernel.paging.addresses import Area, direct
from kernel.vm.usercopy import UserCopy
from pykasm import *

PATH_MAX = PAGE
"""Bytes of a name, with its end (Linux: PATH_MAX)."""


class UserPaths(Subsystem):
    """Copies names into pages of the kernel's. Context: thread."""

    def __init__(self, pages: Pages, copy: UserCopy) -> None:
        self.pages = pages
        self.copy = copy

    @function(context="thread", sleeps=True)
    def take(self, source: Keep[Fetched[User[U8]]]) -> tuple[OrErrno[I32], Owned[OrNull[Ptr[U8]]]]:
        """Return 0 and a copy of the name at the program's `source`, for `free`; or -ENOMEM,
        -ENAMETOOLONG or -EFAULT, and null."""
        result = keep(I32)
        page = keep(self.pages.allocate_page())
        with if_(page == 0):
            ret(-Errno.ENOMEM, 0)
        direct(page)
        length = self.copy.copy_in_string(page, source, PATH_MAX)
        with if_(length < 0):
            mov(result, i32(length))
            self.free(cast(page, Ptr[U8]))
            ret(result, 0)
        ret(0, cast(page, Ptr[U8]))

    @function
    def free(self, name: Owned[Ptr[U8]]) -> None:
        """Free a copy that `take` made."""
        page = u64(name)
        base = scratch(U64)
        mov(base, Area.DIRECT_MAP)
        sub(page, base)
        tail(self.pages.free_page, page)
