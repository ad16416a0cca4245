"""Memory for the registers of x87, SSE and AVX."""

from __future__ import annotations

from kernel.errno import Errno
from kernel.mm.pages import Pages
from kernel.paging.addresses import Area, direct
from kernel.sched.thread import Thread
from kernel.sched.xstate import ExtendedState, SaveArea
from pykasm import *


class SaveAreas(Subsystem):
    """Gives threads these registers when they ask, and takes back what they had when they end."""

    def __init__(self, extended: ExtendedState, pages: Pages) -> None:
        self.extended = extended
        self.pages = pages

    @function(context="thread")
    def use(self, thread: Keep[Ptr[Thread]]) -> OrErrno[I32]:
        """Give `thread`, the one that runs, these registers until it ends, in their initial state.
        Returns 0 or -ENOMEM."""
        with if_(thread.extended != 0):
            ret(0)
        page = self.pages.allocate_zeroed()  # aligned as XSAVE wants it, and large enough
        with if_(page == 0):
            ret(-Errno.ENOMEM)
        direct(page)
        self.extended.give(thread, cast(page, Ptr[SaveArea]))
        ret(0)

    @function
    def give(self, thread: Keep[Ptr[Thread]]) -> OrErrno[I32]:
        """Give `thread`, which has never run, these registers from its start on, in their initial
        state. Returns 0 or -ENOMEM."""
        page = try_(self.pages.allocate_zeroed(), Errno.ENOMEM)
        direct(page)
        self.extended.attach(thread, cast(page, Ptr[SaveArea]))
        ret(0)

    @function(context="thread")
    def copy(self, thread: Keep[Ptr[Thread]], current: Keep[Ptr[Thread]]) -> OrErrno[I32]:
        """Give `thread`, which has never run, these registers from its start on, with what is in
        those of `current`, the one that runs, which has them. Returns 0 or -ENOMEM."""
        page = try_(self.pages.allocate_zeroed(), Errno.ENOMEM)
        direct(page)
        self.extended.copy(thread, cast(page, Ptr[SaveArea]), current)
        ret(0)

    @function(context="thread")
    def reset(self, thread: Keep[Ptr[Thread]]) -> None:
        """Give `thread`, the one that runs and has these registers, their initial state."""
        area = self.extended.take(thread)
        asserts(area != 0)
        mov(rdx, area)
        zero(area)
        self.extended.give(thread, cast(rdx, Ptr[SaveArea]))

    @function(context="thread")
    def drop(self, thread: Ptr[Thread]) -> None:
        """Free what `thread`, the one that runs, has for them, if it ever asked."""
        with if_(thread.extended != 0):
            area = self.extended.take(thread)
            with if_(area != 0):
                tail(self._free, area)

    @function
    def drop_unused(self, thread: Ptr[Thread]) -> None:
        """Free what `thread`, which has never run, was given for them, if it was."""
        area = scratch(U64)
        xor(u32(area), u32(area))
        xchg(thread.extended, area)
        with if_(area != 0):
            tail(self._free, cast(area, Ptr[SaveArea]))

    @function
    def _free(self, area: Owned[Ptr[SaveArea]]) -> None:
        """Free an area that a thread had."""
        page = u64(area)
        mov(rax, Area.DIRECT_MAP)
        sub(page, rax)
        tail(self.pages.free_page, page)
