"""The registers of x87, SSE and AVX, for the threads that use them."""

from __future__ import annotations

from enum import IntFlag

from kernel.cpu.control import Cr0, Cr4
from kernel.cpu.features import BasicMore, ExtendedStateMore, Features
from kernel.cpu.interruptflag import interrupts_disabled
from kernel.sched.thread import Thread
from pykasm import *


class StateComponent(IntFlag):
    """Parts of the state, as XCR0 and XSAVE name them (AMD64 APM vol. 2, 11.5.2)."""

    X87 = 1 << 0
    SSE = 1 << 1
    AVX = 1 << 2


WANTED = StateComponent.X87 | StateComponent.SSE | StateComponent.AVX

INITIAL_CONTROL = 0x37F
"""The x87 control word after FNINIT: all exceptions masked (AMD64 APM vol. 1, 6.2.3)."""
INITIAL_MXCSR = 0x1F80
"""MXCSR after a reset: all exceptions masked (AMD64 APM vol. 1, 4.2.2)."""


LEGACY_SIZE = 512
"""Bytes for x87 and SSE, all that FXSAVE writes."""

XSAVE_HEADER_SIZE = 64
"""Of the header behind them (11.5.2)."""

HEADER_WORDS = 7
"""Words of it behind the first."""

FIRST_MXCSR_MASK = 0xFFBF
"""The bits of MXCSR that may be set where FXSAVE says nothing of them (11.4.4)."""


SAVE_ALIGNMENT = 64
"""What XSAVE and XRSTOR want (11.5.9)."""


class SaveArea(Struct, size=LEGACY_SIZE + XSAVE_HEADER_SIZE + 256, align=SAVE_ALIGNMENT):
    """What FXSAVE and XSAVE write (AMD64 APM vol. 2, 11.4.4 and 11.5.9), so far as it is used here:
    512 bytes for x87 and SSE, then the header and AVX's part, in XSAVE's standard form."""

    control: U16
    mxcsr: U32 = field(at=24)
    mxcsr_mask: U32
    software: Array[U8] = field(count=48, at=464)
    """For the kernel's own use; the processor leaves it alone."""
    components: U64 = field(StateComponent, at=LEGACY_SIZE)
    """XSTATE_BV: what is not in its initial state."""
    header: Array[U64] = field(count=HEADER_WORDS)
    """The rest of the header, which is 0 in the standard form."""


class ExtendedState(Subsystem):
    """Saves the state of threads that have asked for it, and of no others.

    A thread asks by `SaveAreas.use`, and the memory that this takes can be refused: nobody runs out
    of memory at an instruction. From then on each switch saves and restores the state, which costs
    less than waiting for a fault at the first use. A thread that has not asked finds CR0.TS set: an
    instruction of x87, SSE or AVX is a fault (#NM) that is reported like any other, and the state
    of others can't be seen or spoilt. Interrupt handlers must not use these registers.
    """

    mask = bss(U32)
    """The components that XSAVE saves; 0 where there is only FXSAVE."""

    size = bss(U32)
    """Bytes that are saved."""
    mxcsr_mask = bss(U32)
    """The bits of MXCSR that may be set: others are a fault."""
    probe = bss(SaveArea, align=SAVE_ALIGNMENT)
    """Where the first processor shows that."""

    initial = rodata(
        SaveArea, SaveArea(control=INITIAL_CONTROL, mxcsr=INITIAL_MXCSR), align=SAVE_ALIGNMENT
    )
    """The initial state."""

    def __init__(self, features: Features) -> None:
        self.features = features

    @function
    def start_processor(self) -> None:
        """Enable SSE, AVX and XSAVE on this processor, with CR0.TS set."""
        mov(rax, cr0)
        and_(rax, ~int(Cr0.EM))  # EM would make each instruction of SSE #UD, whatever TS says
        or_(rax, Cr0.MP | Cr0.TS)
        mov(cr0, rax)
        mov(rax, cr4)
        or_(rax, Cr4.OSFXSR | Cr4.OSXMMEXCPT)
        with if_(self.features.basic_more & BasicMore.XSAVE):
            or_(rax, Cr4.OSXSAVE)
        mov(cr4, rax)
        with if_(self.features.basic_more & BasicMore.XSAVE):
            mov(eax, self.features.extended_state)
            and_(eax, WANTED)
            mov(self.mask, eax)
            xor(edx, edx)
            xor(ecx, ecx)
            xsetbv()
        with if_(self.size == 0):
            self._measure()

    @function
    def _measure(self) -> None:
        """Find out how much is saved, and which bits of MXCSR there are."""
        clts()
        fxsave64(bare[self.probe])
        self._forbid()
        mov(eax, self.probe.mxcsr_mask)
        with if_(eax == 0):
            mov(eax, FIRST_MXCSR_MASK)
        mov(self.mxcsr_mask, eax)
        mov(eax, LEGACY_SIZE)
        with if_(self.mask != 0):
            mov(eax, LEGACY_SIZE + XSAVE_HEADER_SIZE)
        with if_(self.mask & StateComponent.AVX):
            mov(eax, sizeof(SaveArea))
        mov(self.size, eax)

    @function
    def attach(self, thread: Ptr[Thread], area: Owned[Ptr[SaveArea]]) -> None:
        """Give `thread` the registers from its next switch on, in their initial state, and
        save them in `area`, which is zero."""
        mov(area.control, INITIAL_CONTROL)
        mov(area.mxcsr, INITIAL_MXCSR)
        mov(thread.extended, u64(area))

    @function
    def give(self, thread: Keep[Ptr[Thread]], area: Owned[Ptr[SaveArea]]) -> None:
        """Give `thread`, the one that runs, the registers at once, as `attach` does. Context:
        thread."""
        with interrupts_disabled():
            self.attach(thread, area)
            self.restore(thread)

    @function
    def copy(
        self,
        thread: Keep[Ptr[Thread]],
        area: Keep[Owned[Ptr[SaveArea]]],
        current: Keep[Ptr[Thread]],
    ) -> None:
        """Give `thread`, which has never run, the registers from its next switch on, with what is
        in those of `current`, the one that runs, and save them in `area`, which is zero. Context:
        thread."""
        with interrupts_disabled():
            self.save(current)
            self.restore(current)
            mov(rsi, current.extended)
        mov(rdi, area)
        mov(ecx, sizeof(SaveArea) // sizeof(U64))
        rep.movsq()
        mov(thread.extended, u64(area))

    @inline(changes=CALLER_SAVED)
    def refresh(self, thread: Ptr[Thread]) -> None:
        """Bring what is saved for `thread`, the one that runs, up to date. Context: interrupts
        off."""
        self.save(thread)
        self.restore(thread)

    @function
    def take(self, thread: Ptr[Thread]) -> Owned[OrNull[Ptr[SaveArea]]]:
        """Take the registers away from `thread`, the one that runs; what it had for them, or null.
        Context: thread."""
        area = scratch(U64)
        with interrupts_disabled():
            mov(area, thread.extended)
            mov(thread.extended, 0)
            self._forbid()
        ret(cast(area, Ptr[SaveArea]))

    @inline(changes=rax)
    def _forbid(self) -> None:
        """Make use of the registers a fault."""
        mov(rax, cr0)
        or_(rax, Cr0.TS)
        mov(cr0, rax)

    @function(context="interrupt")
    def save(self, thread: Ptr[Thread]) -> None:
        """Save the registers of `thread`, which has asked, and make use of them a fault."""
        area = scratch(thread.extended)
        mov(eax, self.mask)
        xor(edx, edx)
        with if_(eax == 0):
            fxsave64(bare[area])
        with elif_(self.features.extended_state_more & ExtendedStateMore.XSAVEOPT):
            xsaveopt64(bare[area])
        with else_():
            xsave64(bare[area])
        self._forbid()

    @function(context="interrupt")
    def restore(self, thread: Ptr[Thread]) -> None:
        """Load the registers of `thread`, which has asked."""
        area = scratch(thread.extended)
        clts()  # the restore itself would fault
        mov(eax, self.mask)
        xor(edx, edx)
        with if_(eax == 0):
            fxrstor64(bare[area])
        with else_():
            xrstor64(bare[area])

    # For who keeps the state elsewhere, too

    @function(context="thread")
    def resume(self, thread: Keep[Ptr[Thread]], area: Owned[Ptr[SaveArea]]) -> None:
        """Give `thread`, the one that runs, the registers again, as they are in `area`. That is
        what `take` has returned, perhaps with something else in it that the processor does not
        refuse to load."""
        with interrupts_disabled():
            mov(thread.extended, u64(area))
            self.restore(thread)

    @function(context="thread")
    def reset(self) -> None:
        """Bring the registers of the thread that runs, and has asked, to their initial state."""
        mov(eax, self.mask)
        xor(edx, edx)
        with if_(eax == 0):
            fxrstor64(bare[self.initial])
        with else_():
            xrstor64(bare[self.initial])

    @function
    def initialize(self, area: Ptr[SaveArea]) -> None:
        """Make what is in `area` the initial state, whatever it was."""
        with if_(self.mask == 0):
            mov(rdx, area)
            xor(eax, eax)
            mov(ecx, LEGACY_SIZE // sizeof(U64))
            rep.stosq()
            mov(area, rdx)
        mov(area.control, INITIAL_CONTROL)
        mov(area.mxcsr, INITIAL_MXCSR)
        mov(area.components, 0)
        for number in range(HEADER_WORDS):
            mov(area.header[number], 0)
