"""Frames of handlers: how programs get to them, and back."""

from __future__ import annotations

from kernel.cpu.control import RFlags
from kernel.cpu.segments import USER_PRIVILEGE, Selector
from kernel.cpu.trapframe import RESUMED, TrapFrame
from kernel.errno import Errno
from kernel.paging.addresses import LOWER_HALF_END
from kernel.sched.xstate import ExtendedState
from kernel.signals.alternatestacks import AlternateStacks
from kernel.signals.extendedframes import EXTENDED_ALIGNMENT, ExtendedFrames
from kernel.signals.foundsignal import FoundSignal
from kernel.signals.signalactions import ActionFlag
from kernel.signals.signalframe import (
    RESERVED_WORDS,
    RESTORED_SIZE,
    ContextFlag,
    SignalContext,
    SignalFrame,
    UserContext,
)
from kernel.signals.signalmasks import SignalMasks
from kernel.signals.signaltarget import SignalTarget
from kernel.vm.usercopy import UserCopy
from pykasm import *

RED_ZONE = 128
"""Bytes below a program's stack pointer that are its own (System V ABI AMD64 supplement, 3.2.2)."""

STACK_ALIGNMENT = 16
GENERAL = (
    *("r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15"),
    *("rdi", "rsi", "rbp", "rbx", "rdx", "rax", "rcx", "rsp", "rip"),
)
"""What `SignalContext` and `TrapFrame` have alike."""

ARITHMETIC_FLAGS = RFlags.CF | RFlags.PF | RFlags.AF | RFlags.ZF | RFlags.SF | RFlags.OF
RESTORED_FLAGS = ARITHMETIC_FLAGS | RFlags.TF | RFlags.DF | RFlags.RF | RFlags.AC
"""Flags that a handler may change (Linux: FIX_EFLAGS)."""

CLEARED_FLAGS = RFlags.TF | RFlags.DF | RFlags.RF
"""Flags that handlers do not begin with."""

CONTEXT_FLAGS = ContextFlag.SIGCONTEXT_SS | ContextFlag.STRICT_RESTORE_SS


class SignalFrames(Subsystem):
    """Pushes `SignalFrame`s, and takes them back, whatever has become of them. Context: thread, the
    one whose program it is."""

    def __init__(
        self,
        extended: ExtendedState,
        extended_frames: ExtendedFrames,
        stacks: AlternateStacks,
        masks: SignalMasks,
        copy: UserCopy,
    ) -> None:
        self.extended = extended
        self.extended_frames = extended_frames
        self.stacks = stacks
        self.masks = masks
        self.copy = copy

    @function(context="thread")
    def frame_room(self) -> U64:
        """Return how many bytes a frame takes at most, wherever a stack ends."""
        size = scratch(self.extended_frames.size())
        add(size, sizeof(SignalFrame) + EXTENDED_ALIGNMENT + 2 * STACK_ALIGNMENT - 1)
        and_(size, -STACK_ALIGNMENT)
        ret(size)

    # Pushing

    @function(context="thread", sleeps=True)
    def push(
        self,
        target: Keep[Ptr[SignalTarget]],
        frame: Keep[Ptr[TrapFrame]],
        found: Keep[Ptr[FoundSignal]],
    ) -> OrErrno[I32]:
        """Continue the program whose registers are in `frame` with the handler of `found`. Returns
        0; -EFAULT or -ENOMEM if its stack has no room, or it says no way back, and nothing has
        changed then."""
        made, place = local(SignalFrame), keep(U64)
        fail_if((found.action.flags & ActionFlag.RESTORER) == 0, Errno.EFAULT)
        fail_if(~self._is_canonical(found.action.handler), Errno.EFAULT)
        lower, upper = self._place(target, frame, found)
        fail_if(lower == 0, Errno.EFAULT)
        mov(place, lower)
        mov(made.context.context.extended, upper)
        try_(self.extended_frames.save(target.thread, cast(upper, User[U8])))
        self._fill(address_of(made), target, frame, found)
        result, left = self.copy.copy_out(
            cast(place, User[U8]), address_of(made), sizeof(SignalFrame)
        )
        ignore(left)
        try_(result)
        self.extended.reset(target.thread)
        self._enter(frame, found, place)
        ret(0)

    @inline(changes=rax)
    def _is_canonical(self, address: U64) -> Condition:
        """Return the condition that the processor goes to `address` without an exception that
        happens in the kernel (AMD64 APM vol. 2, 1.1.3)."""
        mov(rax, address)
        sar(rax, LOWER_HALF_END.bit_length() - 1)
        inc(rax)
        return rax <= 1

    @function
    def _place(
        self, target: Keep[Ptr[SignalTarget]], frame: Ptr[TrapFrame], found: Keep[Ptr[FoundSignal]]
    ) -> tuple[U64, U64]:
        """Return where a frame lies, and the extended registers above it; twice 0 if the alternate
        stack has no room."""
        place, on_stack = keep(frame.rsp), keep(U32)
        sub(place, RED_ZONE)
        mov(on_stack, self.stacks.is_on(target, place))
        mov(rax, target.stack.size)
        with if_((found.action.flags & ActionFlag.ONSTACK) & (rax != 0) & (on_stack == 0)):
            mov(place, target.stack.base)
            add(place, rax)
            mov(on_stack, 1)
        sub(place, self.extended_frames.size())
        and_(place, -EXTENDED_ALIGNMENT)
        upper = keep(place)
        sub(place, sizeof(SignalFrame))
        and_(place, -STACK_ALIGNMENT)
        sub(place, sizeof(U64))  # as if the handler had been called
        with if_(on_stack != 0), if_(~self.stacks.holds(target, place)):
            ret(0, 0)
        ret(place, upper)

    @function
    def _fill(
        self,
        made: Ptr[SignalFrame],
        target: Ptr[SignalTarget],
        frame: Ptr[TrapFrame],
        found: Ptr[FoundSignal],
    ) -> None:
        """Fill `made` in, but for the address of the extended registers."""
        found = scratch(found)
        mov(rax, found.action.restorer)
        mov(made.restorer, rax)
        mov(made.context.flags, CONTEXT_FLAGS)
        with if_(self.extended.mask != 0):
            mov(made.context.flags, CONTEXT_FLAGS | ContextFlag.FP_XSTATE)
        mov(made.context.link, 0)
        made.context.stack.copy_from(scratch(address_of(target.stack)))
        self._fill_registers(made.context.context, target, frame)
        mov(rax, target.mask)
        mov(made.context.context.old_mask, rax)
        with if_(target.has_saved_mask != 0):
            mov(rax, target.saved_mask)
        mov(made.context.mask, rax)
        made.info.info.copy_from(scratch(address_of(found.info)))
        made.info.clear_rest()

    @inline(changes=rax)
    def _fill_registers(
        self, context: SignalContext, target: Ptr[SignalTarget], frame: Ptr[TrapFrame]
    ) -> None:
        """Fill in the general registers, and what the last exception was."""
        for name in (*GENERAL, "rflags"):
            mov(rax, getattr(frame, name))
            mov(getattr(context, name), rax)
        for name in ("cs", "ss"):
            mov(eax, u32(getattr(frame, name)))
            mov(getattr(context, name), ax)
        mov(context.gs, 0)
        mov(context.fs, 0)
        for name in ("trap_number", "error_code", "fault_address"):
            mov(rax, getattr(target, name))
            mov(getattr(context, name), rax)
        for number in range(RESERVED_WORDS):
            mov(context.reserved[number], 0)

    @function
    def _enter(self, frame: Ptr[TrapFrame], found: Ptr[FoundSignal], place: U64) -> None:
        """Continue the program of `frame` with the handler of `found`, whose frame is at
        `place`."""
        mov(eax, found.info.number)
        mov(frame.rdi, rax)
        lea(rax, bare[place + offsetof(SignalFrame, "info")])
        mov(frame.rsi, rax)
        lea(rax, bare[place + offsetof(SignalFrame, "context")])
        mov(frame.rdx, rax)
        mov(frame.rax, 0)
        mov(frame.rsp, place)
        mov(rax, found.action.handler)
        mov(frame.rip, rax)
        and_(frame.rflags, ~int(CLEARED_FLAGS))
        mov(frame.vector, RESUMED)

    # Returning

    @function(context="thread", sleeps=True)
    def restore(self, target: Keep[Ptr[SignalTarget]], frame: Keep[Ptr[TrapFrame]]) -> OrErrno[I32]:
        """Take the frame that the program of `frame` has on its stack, whose handler has returned,
        and go on with what is in it. Returns 0; -EFAULT, -ENOMEM or -EINVAL if that can't be, and
        the program can't go on then."""
        made, result = local(SignalFrame), keep(I32)
        mov(rax, frame.rsp)
        sub(rax, sizeof(U64))  # the handler's `ret` has taken the restorer's address
        failed, left = self.copy.copy_in(address_of(made), cast(rax, User[U8]), RESTORED_SIZE)
        ignore(left)
        try_(failed)
        self.masks.set(target, made.context.mask)
        self._load_registers(frame, address_of(made.context))
        mov(result, self._check(frame, address_of(made.context)))
        try_(
            self.extended_frames.load(target.thread, cast(made.context.context.extended, User[U8]))
        )
        stack = address_of(made.context.stack)
        ignore(self.stacks.set(target, frame.rsp, stack), "it stays as it is then, as on Linux")
        ret(result)

    @function
    def _load_registers(self, frame: Ptr[TrapFrame], context: Ptr[UserContext]) -> None:
        """Take the general registers, as far as a program may change them."""
        for name in GENERAL:
            mov(rax, getattr(context.context, name))
            mov(getattr(frame, name), rax)
        mov(rax, context.context.rflags)
        and_(eax, RESTORED_FLAGS)
        and_(frame.rflags, ~int(RESTORED_FLAGS))
        or_(frame.rflags, rax)
        mov(frame.vector, RESUMED)

    @function
    def _check(self, frame: Ptr[TrapFrame], context: Ptr[UserContext]) -> OrErrno[I32]:
        """Return 0 if `iretq` takes the rest of what the program gave, too; else -EINVAL. There is
        one selector for its code, and one for its data."""
        movzx(eax, context.context.cs)
        or_(eax, USER_PRIVILEGE)
        fail_if(eax != Selector.USER_CODE, Errno.EINVAL)
        movzx(eax, context.context.ss)
        or_(eax, USER_PRIVILEGE)
        fail_if(
            (context.flags & ContextFlag.STRICT_RESTORE_SS) & (eax != Selector.USER_DATA),
            Errno.EINVAL,
        )
        fail_if(~self._is_canonical(frame.rip), Errno.EINVAL)
        ret(0)
