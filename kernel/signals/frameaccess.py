"""The instructions that touch the frames of handlers."""

from __future__ import annotations

from kernel.cpu.control import RFlags
from kernel.cpu.protection import Protection
from kernel.cpu.segments import Selector
from kernel.cpu.trapframe import TrapFrame
from kernel.paging.addresses import UserAddress
from kernel.sched.scheduler import Scheduler
from kernel.sched.thread import Thread
from kernel.sched.xstate import HEADER_WORDS, ExtendedState, SaveArea
from kernel.signals.extendedmarks import MAGIC1, MAGIC2, MARKS_PADDING, ExtendedMarks
from kernel.signals.foundsignal import FoundSignal
from kernel.signals.signalactions import ActionFlag
from kernel.signals.signalframe import (
    ContextFlag,
    ReturnedContext,
    SignalContext,
    SignalFrame,
    UserContext,
)
from kernel.signals.signalinfo import SignalInfo
from kernel.signals.signaltarget import AlternateStack, SignalTarget
from pykasm import *

NO_FAULT = (1 << 64) - 1
"""What is no address of a program."""

GENERAL = (
    *("r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15"),
    *("rdi", "rsi", "rbp", "rbx", "rdx", "rax", "rcx", "rsp", "rip"),
)
"""What `SignalContext` and `TrapFrame` have alike."""

SELECTORS = Selector.USER_CODE | Selector.USER_DATA << 48
"""cs, gs, fs and ss of a `SignalContext`: programs have one selector for code, one for data."""

ARITHMETIC_FLAGS = RFlags.CF | RFlags.PF | RFlags.AF | RFlags.ZF | RFlags.SF | RFlags.OF
RESTORED_FLAGS = ARITHMETIC_FLAGS | RFlags.TF | RFlags.DF | RFlags.RF | RFlags.AC
"""Flags that a handler may change (Linux: FIX_EFLAGS)."""

CONTEXT_FLAGS = ContextFlag.SIGCONTEXT_SS | ContextFlag.STRICT_RESTORE_SS


class FrameAccess(Subsystem):
    """Writes frames to the stacks of programs and reads them there, word by word, as far as that
    goes without a page fault: callers resolve that and try again. They have seen to it that the
    addresses are a program's. Context: thread, the one whose frames they are."""

    def __init__(
        self, extended: ExtendedState, protection: Protection, scheduler: Scheduler
    ) -> None:
        self.extended = extended
        self.protection = protection
        self.scheduler = scheduler

    # Faults

    @inline(changes=(rax, r11))
    def _begin(self) -> None:
        """Allow accesses to the program's memory, up to `_end`. After a fault a routine returns
        where it was called."""
        mov(rax, self.scheduler.current)
        lea(r11, self._fail)
        mov(cast(rax, Ptr[Thread]).recovery, r11)
        self.protection.open_user_memory()

    @inline(changes=r11)
    def _end(self) -> None:
        """Forbid them again."""
        self.protection.close_user_memory()
        mov(r11, self.scheduler.current)
        mov(cast(r11, Ptr[Thread]).recovery, 0)

    @naked
    def _fail(self) -> None:
        """Return from the routine that has faulted, with the address in rax."""
        ret()

    # Writing

    @function(copies_user=True)
    def store(
        self,
        place: UserAddress,
        area: UserAddress,
        target: Ptr[SignalTarget],
        frame: Ptr[TrapFrame],
        found: Ptr[FoundSignal],
    ) -> U64:
        """Write to `place` the `SignalFrame` of the handler of `found`, for `target`, whose program
        has the registers in `frame`; to `area` its x87, SSE and AVX registers. Returns NO_FAULT or
        the address that faulted."""
        self._begin()
        call(self._store)
        self._end()
        ret(rax)

    @naked
    def _store(self) -> None:
        """Do what `store` does. rdi, rsi, rdx, rcx and r8 are its parameters."""
        made, target = cast(rdi, Ptr[SignalFrame]), cast(rdx, Ptr[SignalTarget])
        frame, found = cast(rcx, Ptr[TrapFrame]), cast(r8, Ptr[FoundSignal])
        mov(rax, found.action.restorer)
        mov(made.restorer, rax)
        self._store_registers(made.context.context, frame)
        self._store_context(made.context, target)
        with if_(found.action.flags & ActionFlag.SIGINFO):
            lea(r8, found.info)
            made.info.info.copy_from(cast(r8, Ptr[SignalInfo]))
            made.info.clear_rest()
        # Last: it is the largest part, and returns for both
        jmp(self._store_extended)

    @inline(changes=rax)
    def _store_registers(self, context: SignalContext, frame: Ptr[TrapFrame]) -> None:
        """Write the general registers."""
        copy_fields(context, frame, *GENERAL, "rflags")
        mov(rax, SELECTORS)
        mov(u64(context.cs), rax)

    @inline(changes=(rax, rcx, r9))
    def _store_context(self, context: UserContext, target: Ptr[SignalTarget]) -> None:
        """Write what is in `context` beside those. rsi has the address of the extended ones."""
        mov(eax, CONTEXT_FLAGS)
        with if_(self.extended.mask != 0):
            or_(eax, ContextFlag.FP_XSTATE)
        mov(u64(context.flags), rax)
        mov(context.link, 0)
        lea(r9, target.stack)
        context.stack.copy_from(cast(r9, Ptr[AlternateStack]))
        mov(context.context.extended, rsi)
        copy_fields(context.context, target, "trap_number", "error_code", "fault_address")
        mov(rax, target.mask)
        mov(context.context.old_mask, rax)
        with if_(target.has_saved_mask != 0):
            # Where the call had its own mask, the one from before it is to come back
            mov(rax, target.saved_mask)
        mov(context.mask, rax)

    @naked
    def _store_extended(self) -> None:
        """Write x87, SSE and AVX registers to rsi, and what there is of them. Returns what `store`
        does."""
        area = cast(rsi, Ptr[SaveArea])
        mov(eax, self.extended.mask)
        # A processor without XSAVE, whose area ends with SSE
        with if_(eax == 0):
            fxsave64(bare[rsi])
        with else_():
            mov(area.components, 0)  # XSAVE does not write all of the header
            for number in range(HEADER_WORDS):
                mov(area.header[number], 0)
            self._store_marks(area)
            # The mask is edx:eax; no component has a bit in the upper half
            xor(edx, edx)
            xsave64(bare[rsi])
        mov(rax, NO_FAULT)
        ret()

    @inline(changes=rcx)
    def _store_marks(self, area: Ptr[SaveArea]) -> None:
        """Tell in `area` what is in it: the components in eax."""
        marks = self._marks_in(area)
        mov(ecx, self.extended.size)
        mov(marks.magic, MAGIC1)
        mov(marks.components, rax)
        mov(u64(marks.size), rcx)  # and what pads it
        mov(u32[u64(area) + rcx], MAGIC2)
        add(ecx, sizeof(U32))
        mov(marks.extended_size, ecx)
        for number in range(1, MARKS_PADDING, 2):
            mov(u64(marks.padding[number]), 0)

    @inline
    def _marks_in(self, area: Ptr[SaveArea]) -> ExtendedMarks:
        """Return the marks in `area`."""
        return cast(area.software, ExtendedMarks)

    # Reading

    @function(copies_user=True)
    def load(self, place: UserAddress, frame: Ptr[TrapFrame], context: Ptr[ReturnedContext]) -> U64:
        """Load the general registers in `frame` from the `SignalFrame` at `place`, and fill in
        `context` with the rest. Returns what `store` does."""
        self._begin()
        call(self._load)
        self._end()
        ret(rax)

    @naked
    def _load(self) -> None:
        """Do what `load` does. rdi, rsi and rdx are its parameters."""
        made, frame = cast(rdi, Ptr[SignalFrame]), cast(rsi, Ptr[TrapFrame])
        self._load_context(cast(rdx, Ptr[ReturnedContext]), made.context)
        for name in GENERAL:
            mov(rax, getattr(made.context.context, name))
            mov(getattr(frame, name), rax)
        mov(rax, made.context.context.rflags)
        # A program may set what it can set anyway, and nothing of the kernel's, as IF or IOPL
        and_(eax, RESTORED_FLAGS)
        and_(frame.rflags, ~int(RESTORED_FLAGS))
        or_(frame.rflags, rax)
        mov(rax, NO_FAULT)
        ret()

    @inline(changes=(rax, rcx, r9))
    def _load_context(self, context: Ptr[ReturnedContext], source: UserContext) -> None:
        """Fill in `context`. The last word of the frame comes first, then its first one: where
        either is not there, nothing else has changed."""
        mov(rax, source.mask)
        mov(context.mask, rax)
        mov(rax, u64(source.flags))
        mov(u64(context.flags), rax)
        lea(r9, source.stack)
        context.stack.copy_from(cast(r9, Ptr[AlternateStack]))
        mov(rax, u64(source.context.cs))
        mov(u64(context.cs), rax)
        mov(rax, source.context.extended)
        mov(context.extended, rax)

    @function(copies_user=True)
    def load_extended(self, area: UserAddress) -> Bool:
        """Load x87, SSE and AVX registers from `area`, if all that `store` writes there is there.
        Returns whether it is; they are undefined then if it is not."""
        self._begin()
        call(self._load_extended)
        self._end()
        ret(rax == NO_FAULT)

    @naked
    def _load_extended(self) -> None:
        """Load them from rdi. Returns NO_FAULT, or something else.

        What is checked may change meanwhile. Where the processor refuses what it finds then, by a
        general-protection exception, the routine returns, too.
        """
        area = cast(rdi, Ptr[SaveArea])
        marks = self._marks_in(area)
        mov(ecx, self.extended.size)
        mov(edx, self.extended.mxcsr_mask)
        not_(edx)
        mov(eax, self.extended.mask)
        with (
            if_((marks.magic == MAGIC1) & (marks.size == ecx) & (marks.components == rax)),
            if_((u32[rdi + rcx] == MAGIC2) & (area.header[0] == 0) & ((area.mxcsr & edx) == 0)),
        ):
            xor(edx, edx)
            xrstor64(bare[rdi])
            mov(rax, NO_FAULT)
            ret()
        ret()
