"""The x87, SSE and AVX registers of programs while handlers run."""

from __future__ import annotations

from kernel.errno import Errno
from kernel.sched.thread import Thread
from kernel.sched.xstate import (
    HEADER_WORDS,
    LEGACY_SIZE,
    ExtendedState,
    SaveArea,
    StateComponent,
)
from kernel.vm.usercopy import UserCopy
from pykasm import *

MAGIC1 = 0x4650_5853
MAGIC2 = 0x4650_5845
"""What says that there is more than FXSAVE writes: FP_XSTATE_MAGIC1 in front and FP_XSTATE_MAGIC2
behind it (arch/x86/include/uapi/asm/sigcontext.h)."""


EXTENDED_ALIGNMENT = 64
"""What XSAVE wants."""


class ExtendedMarks(Struct):
    """What is told of a saved state, in `SaveArea.software`: Linux's `struct _fpx_sw_bytes`."""

    magic: U32
    extended_size: U32
    """Bytes of the state, with MAGIC2 behind it."""
    components: U64
    size: U32
    """Those of the state alone."""
    padding: Array[U32] = field(count=7)


class ExtendedFrames(Subsystem):
    """Copies these registers to programs and back. What comes back may be anything, and is looked
    at before the processor loads it, which would refuse some of it by an exception. Context:
    thread, the one whose registers they are."""

    def __init__(self, extended: ExtendedState, copy: UserCopy) -> None:
        self.extended = extended
        self.copy = copy

    @function(context="thread")
    def size(self) -> U64:
        """Return how many bytes are copied."""
        mov(eax, self.extended.size)
        with if_(self.extended.mask != 0):
            add(eax, sizeof(U32))  # MAGIC2
        ret(rax)

    @function(context="thread", sleeps=True)
    def save(self, thread: Keep[Ptr[Thread]], place: Keep[User[U8]]) -> OrErrno[I32]:
        """Copy the registers of `thread` to the program's `place`, which is aligned to 64 bytes.
        Returns 0, -EFAULT or -ENOMEM."""
        area = keep(self.extended.capture(thread))
        self._mark(area)
        size = self.size()
        result, left = self.copy.copy_out(place, u64(area), size)
        ignore(left)
        ret(result)

    @inline(changes=(rax, rcx))
    def _mark(self, area: Ptr[SaveArea]) -> None:
        """Tell in `area`, a page, what is in it."""
        marks = scratch(Ptr[ExtendedMarks])
        lea(marks, area.software)
        with if_(self.extended.mask != 0):
            mov(eax, self.extended.size)
            mov(ecx, self.extended.mask)
            mov(marks.magic, MAGIC1)
            mov(marks.size, eax)
            mov(marks.components, rcx)
            mov(u32[u64(area) + rax], MAGIC2)
            add(eax, sizeof(U32))
            mov(marks.extended_size, eax)
            xor(eax, eax)
            for number in range(7):
                mov(marks.padding[number], eax)
        release(marks)

    @function(context="thread", sleeps=True)
    def load(self, thread: Keep[Ptr[Thread]], place: Keep[User[U8]]) -> OrErrno[I32]:
        """Give `thread` the registers at the program's `place`; their initial values if that is 0,
        and where what is there can't be loaded. Returns 0, -EFAULT, -ENOMEM or -EINVAL."""
        with if_(u64(place) == 0):
            self.extended.reset(thread)
            ret(0)
        fail_if(u64(place) & (EXTENDED_ALIGNMENT - 1), Errno.EINVAL)
        result, size = keep(I32), keep(self.size())
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
