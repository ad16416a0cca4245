"""Frames of handlers: how programs get to them, and back."""

from __future__ import annotations

from kernel.cpu.control import RFlags
from kernel.cpu.segments import USER_PRIVILEGE, Selector
from kernel.cpu.trapframe import RESUMED, TrapFrame
from kernel.errno import Errno
from kernel.paging.addresses import LOWER_HALF_END
from kernel.sched.xstate import SAVE_ALIGNMENT, ExtendedState, SaveArea
from kernel.signals.alternatestacks import AlternateStacks
from kernel.signals.extendedframes import ExtendedFrames
from kernel.signals.foundsignal import FoundSignal
from kernel.signals.frameaccess import NO_FAULT, FrameAccess
from kernel.signals.signalactions import ActionFlag
from kernel.signals.signalframe import (
    RESTORED_SIZE,
    ContextFlag,
    ReturnedContext,
    SignalFrame,
)
from kernel.signals.signalmasks import SignalMasks
from kernel.signals.signaltarget import AlternateStack, SignalTarget
from kernel.vm.rights import Rights
from kernel.vm.usercopy import UserCopy
from pykasm import *

RED_ZONE = 128
"""Bytes below a program's stack pointer that are its own (System V ABI AMD64 supplement, 3.2.2)."""

STACK_ALIGNMENT = 16
MOST_BYTES = sizeof(SignalFrame) + sizeof(SaveArea) + sizeof(U32) + SAVE_ALIGNMENT + STACK_ALIGNMENT
"""Bytes from where a frame begins to the end of the extended registers, at most."""

CLEARED_FLAGS = RFlags.TF | RFlags.DF | RFlags.RF
"""Flags that handlers do not begin with."""


class SignalFrames(Subsystem):
    """Pushes `SignalFrame`s, and takes them back, whatever has become of them. Context: thread, the
    one whose program it is."""

    def __init__(
        self,
        extended: ExtendedState,
        extended_frames: ExtendedFrames,
        access: FrameAccess,
        stacks: AlternateStacks,
        masks: SignalMasks,
        copy: UserCopy,
    ) -> None:
        self.extended = extended
        self.extended_frames = extended_frames
        self.access = access
        self.stacks = stacks
        self.masks = masks
        self.copy = copy

    @function(context="thread")
    def frame_room(self) -> U64:
        """Return how many bytes a frame takes at most, wherever a stack ends."""
        size = scratch(U64)
        mov(size, self.extended_frames.size())
        add(size, sizeof(SignalFrame) + SAVE_ALIGNMENT + 2 * STACK_ALIGNMENT - 1)
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
        fail_if((found.action.flags & ActionFlag.RESTORER) == 0, Errno.EFAULT)
        fail_if(~self._is_canonical(found.action.handler), Errno.EFAULT)
        lower, upper = self._place(target, frame, found)
        fail_if(lower == 0, Errno.EFAULT)
        place, area = keep(lower), keep(upper)
        fail_if(self.copy.is_outside(place, MOST_BYTES), Errno.EFAULT)
        with loop():
            fault = self.access.store(place, area, target, frame, found)
            break_if(fault == NO_FAULT)
            try_(self.copy.resolve_fault(fault, Rights.WRITE))
        self.extended.reset()
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
        xor(on_stack, on_stack)
        with if_(target.stack.size != 0):
            mov(on_stack, self.stacks.is_on(target, place))
        mov(rax, target.stack.size)
        with if_((found.action.flags & ActionFlag.ONSTACK) & (rax != 0) & (on_stack == 0)):
            mov(place, target.stack.base)
            add(place, rax)
            mov(on_stack, 1)
        sub(place, self.extended_frames.size())
        and_(place, -SAVE_ALIGNMENT)
        upper = keep(place)
        sub(place, sizeof(SignalFrame))
        and_(place, -STACK_ALIGNMENT)
        sub(place, sizeof(U64))  # as if the handler had been called
        with if_(on_stack != 0), if_(~self.stacks.holds(target, place)):
            ret(0, 0)
        ret(place, upper)

    @inline(changes=rax)
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
        context, place = local(ReturnedContext), keep(frame.rsp)
        sub(place, sizeof(U64))  # the handler's `ret` has taken the restorer's address
        fail_if(self.copy.is_outside(place, RESTORED_SIZE), Errno.EFAULT)
        with loop():
            fault = self.access.load(place, frame, address_of(context))
            break_if(fault == NO_FAULT)
            try_(self.copy.resolve_fault(fault, Rights.READ))
        mov(frame.vector, RESUMED)
        self.masks.set(target, context.mask)
        result = keep(self._check(frame, address_of(context)))
        try_(self.extended_frames.load(target.thread, cast(context.extended, User[U8])))
        self._restore_stack(target, frame, context.stack)
        ret(result)

    @inline(changes=CALLER_SAVED)
    def _restore_stack(
        self, target: Ptr[SignalTarget], frame: Ptr[TrapFrame], stack: AlternateStack
    ) -> None:
        """Make `stack` that of `target` again, if it is another one."""
        xor(eax, eax)
        for name in ("base", "flags", "size"):
            mov(rcx, u64(getattr(stack, name)))
            sub(rcx, u64(getattr(target.stack, name)))
            or_(rax, rcx)
        with if_(rax != 0):
            ignore(
                self.stacks.set(target, frame.rsp, address_of(stack)),
                "it stays as it is then, as on Linux",
            )

    @function
    def _check(self, frame: Ptr[TrapFrame], context: Ptr[ReturnedContext]) -> OrErrno[I32]:
        """Return 0 if `iretq` takes the rest of what the program gave, too; else -EINVAL. There is
        one selector for its code, and one for its data."""
        movzx(eax, context.cs)
        or_(eax, USER_PRIVILEGE)
        fail_if(eax != Selector.USER_CODE, Errno.EINVAL)
        movzx(eax, context.ss)
        or_(eax, USER_PRIVILEGE)
        fail_if(
            (context.flags & ContextFlag.STRICT_RESTORE_SS) & (eax != Selector.USER_DATA),
            Errno.EINVAL,
        )
        fail_if(~self._is_canonical(frame.rip), Errno.EINVAL)
        ret(0)
