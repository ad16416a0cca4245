"""The segments that programs have, and where FS and GS begin."""

from __future__ import annotations

from kernel.cpu.control import Cr4, Msr
from kernel.cpu.features import Features, Structured
from kernel.sched.userstate import UserState
from pykasm import *

SELECTORS = ((ds, "ds"), (es, "es"), (fs, "fs"), (gs, "gs"))
"""Segment registers, and what `UserState` has of them, in 64 bits; GS is the last."""

UNKNOWN = -1
"""No selectors: no segment register can be loaded with all bits set."""


class SegmentBases(Subsystem):
    """Keeps them over switches of threads. The selectors mean little in long mode, but a program
    may use them as it likes, and another one is not to see that. While the kernel runs, a
    program's GS base is in KERNEL_GS_BASE: see `swapgs`.

    Where the processor has FSGSBASE, programs change them without the kernel, by wrfsbase and
    wrgsbase, so they are saved at each switch; elsewhere they change by `arch_prctl` alone, which
    notes them.
    """

    selectors = percpu(U64)
    """Those of this processor, as they were saved last. Most threads have the same, so that a
    switch need not look at the registers again."""

    def __init__(self, features: Features) -> None:
        self.features = features

    @function
    def start_processor(self) -> None:
        """Allow programs to change their bases, if this processor can."""
        with if_(self._programs_change_them()):
            mov(rax, cr4)
            or_(rax, Cr4.FSGSBASE)
            mov(cr4, rax)
        self.forget()

    @inline
    def _programs_change_them(self) -> Condition:
        """Return the condition that programs may have changed them."""
        return self.features.structured & Structured.FSGSBASE

    @function(context="interrupts off")
    def save(self, state: Ptr[UserState]) -> None:
        """Save those of this processor in `state`."""
        for register, name in SELECTORS:
            mov(getattr(state, name), register)
        mov(rax, self._all_of(state))
        mov(self.selectors, rax)
        with if_(self._programs_change_them()):
            rdfsbase(rax)
            mov(state.fs_base, rax)
            mov(ecx, Msr.KERNEL_GS_BASE)
            rdmsr()
            low, high = self._halves_of(state, "gs_base")
            mov(low, eax)
            mov(high, edx)

    @function(context="interrupts off")
    def load(self, state: Ptr[UserState]) -> None:
        """Give this processor those of `state`."""
        mov(rax, self.selectors)
        with if_(rax != self._all_of(state)):
            self._load_selectors(state)
        for msr, name in ((Msr.FS_BASE, "fs_base"), (Msr.KERNEL_GS_BASE, "gs_base")):
            low, high = self._halves_of(state, name)
            mov(ecx, msr)
            mov(eax, low)
            mov(edx, high)
            wrmsr()

    @inline
    def _all_of(self, state: Ptr[UserState]) -> U64:
        """Return the place of all selectors in `state`."""
        return u64[u64(state) + offsetof(UserState, SELECTORS[0][1])]

    @function
    def forget(self) -> None:
        """Note that a program has run here whose selectors nobody saves: they are loaded next time,
        whatever they are."""
        mov(self.selectors, UNKNOWN)

    @inline(changes=rax)
    def _load_selectors(self, state: Ptr[UserState]) -> None:
        """Load the selectors of `state`, which may change the bases."""
        for register, name in SELECTORS:
            mov(ax, getattr(state, name))
            if register is not gs:
                mov(register, ax)
        swapgs()  # the base that it changes is to be the program's
        mov(gs, ax)
        swapgs()
        mov(rax, self._all_of(state))
        mov(self.selectors, rax)

    @inline
    def _halves_of(self, state: Ptr[UserState], name: str) -> tuple[U32, U32]:
        """Return the places of both halves of a base, as they go to and come from edx:eax."""
        place = u64(state) + offsetof(UserState, name)
        return u32[place], u32[place + sizeof(U32)]
