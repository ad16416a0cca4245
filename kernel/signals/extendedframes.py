"""The x87, SSE and AVX registers of programs while handlers run."""

from __future__ import annotations

from kernel.cpu.pagetable import PAGE
from kernel.errno import Errno
from kernel.sched.thread import Thread
from kernel.sched.xstate import (
    HEADER_WORDS,
    LEGACY_SIZE,
    SAVE_ALIGNMENT,
    ExtendedState,
    SaveArea,
    StateComponent,
)
from kernel.signals.extendedmarks import MAGIC1, MAGIC2, ExtendedMarks
from kernel.signals.frameaccess import FrameAccess
from kernel.vm.usercopy import UserCopy
from pykasm import *


class ExtendedFrames(Subsystem):
    """Takes these registers back from programs. What comes back may be anything: what is not as it
    was pushed is copied, and looked at before the processor loads it, which would refuse some of it
    by an exception. Context: thread, the one whose registers they are."""

    def __init__(self, extended: ExtendedState, access: FrameAccess, copy: UserCopy) -> None:
        self.extended = extended
        self.access = access
        self.copy = copy

    @inline(changes=rax)
    def size(self) -> U64:
        """Return how many bytes they take."""
        mov(eax, self.extended.size)
        with if_(self.extended.mask != 0):
            add(eax, sizeof(U32))  # MAGIC2
        return rax

    @function(context="thread", sleeps=True)
    def load(self, thread: Keep[Ptr[Thread]], place: Keep[User[U8]]) -> OrErrno[I32]:
        """Give `thread` the registers at the program's `place`; their initial values if that is 0,
        and where what is there can't be loaded. Returns 0, -EFAULT, -ENOMEM or -EINVAL."""
        with if_(u64(place) == 0):
            self.extended.reset()
            ret(0)
        fail_if(u64(place) & (SAVE_ALIGNMENT - 1), Errno.EINVAL)
        with (
            if_(self.extended.mask != 0),
            if_(~self.copy.is_outside(u64(place), PAGE)),
            if_(self.access.load_extended(u64(place))),
        ):
            ret(0)
        tail(self._load_slowly, thread, place)

    @function(context="thread", sleeps=True)
    def _load_slowly(self, thread: Keep[Ptr[Thread]], place: Keep[User[U8]]) -> OrErrno[I32]:
        """Do what `load` does where something is unusual, or not in memory."""
        result, size = keep(I32), keep(U64)
        mov(size, self.size())
        # What is there is lost: until there is something else, the thread has no such registers
        area = keep(self.extended.take(thread))
        asserts(area != 0)
        failed, left = self.copy.copy_in(u64(area), place, size)
        mov(result, failed)
        sub(size, left)
        with if_((result != 0) & (size >= LEGACY_SIZE)):
            xor(result, result)  # enough of it is there
        with if_(result == 0):
            mov(result, self._check(area, size))
        with if_(result != 0):
            self.extended.initialize(area)
        self.extended.resume(thread, area)
        ret(result)

    @function
    def _check(self, area: Keep[Ptr[SaveArea]], size: U64) -> OrErrno[I32]:
        """Return 0 if the processor loads what is in `area`, of which `size` bytes came from the
        program; -EINVAL if not. What is not there keeps its initial state."""
        mov(eax, self.extended.mxcsr_mask)
        not_(eax)
        fail_if(eax & area.mxcsr, Errno.EINVAL)
        with if_(self.extended.mask == 0):
            ret(0)
        with if_(self._is_whole(area, size)):
            tail(self._check_header, area)
        mov(area.components, StateComponent.X87 | StateComponent.SSE)
        for number in range(HEADER_WORDS):
            mov(area.header[number], 0)
        ret(0)

    @function
    def _is_whole(self, area: Ptr[SaveArea], size: U64) -> Bool:
        """Return whether the first `size` bytes of `area` are marked as what XSAVE writes."""
        marks = scratch(Ptr[ExtendedMarks])
        lea(marks, area.software)
        mov(eax, self.extended.size)
        with if_((marks.magic != MAGIC1) | (marks.size != eax)):
            ret(False)
        with if_(u32[u64(area) + rax] != MAGIC2):
            ret(False)
        add(eax, sizeof(U32))
        ret(rax == size)

    @function
    def _check_header(self, area: Ptr[SaveArea]) -> OrErrno[I32]:
        """Return 0 if the header in `area` is one that XRSTOR takes (AMD64 APM vol. 2, 11.5.2),
        else -EINVAL. What the program's marks leave out is left out."""
        marks = scratch(Ptr[ExtendedMarks])
        lea(marks, area.software)
        mov(eax, self.extended.mask)
        not_(rax)
        fail_if(rax & area.components, Errno.EINVAL)
        mov(rax, area.header[0])
        or_(rax, area.header[1])
        fail_if(rax != 0, Errno.EINVAL)  # other words are not looked at
        mov(rax, marks.components)
        and_(area.components, rax)
        ret(0)
