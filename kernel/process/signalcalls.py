"""System calls about the signals of the task that makes them."""

from __future__ import annotations

from enum import IntEnum

from kernel.clock.units import Nanoseconds
from kernel.errno import Errno
from kernel.process.processes import Processes
from kernel.process.programframe import program_frame
from kernel.process.systemcallgroup import SystemCallGroup
from kernel.process.userreturn import UserReturn
from kernel.process.usertimes import UserTimes
from kernel.sched.sleep import Sleep
from kernel.sched.thread import INTERRUPTIBLE
from kernel.sched.waiting import FOREVER
from kernel.signals.alternatestacks import AlternateStacks
from kernel.signals.forcedsignals import ForcedSignals
from kernel.signals.restarts import Restarts
from kernel.signals.signalactions import ActionFlag, Disposition, SignalAction
from kernel.signals.signalactionstore import SignalActionStore
from kernel.signals.signalframes import SignalFrames
from kernel.signals.signalinfo import UserSignalInfo
from kernel.signals.signalmasks import SignalMasks
from kernel.signals.signalnumber import SIGNALS
from kernel.signals.signals import Signals
from kernel.signals.signalset import IGNORED_BY_DEFAULT, UNBLOCKABLE, bit_of
from kernel.signals.signaltarget import AlternateStack
from kernel.signals.signalwaits import SignalWaits
from kernel.vm.usercopy import UserCopy
from pykasm import *

SET_SIZE = sizeof(U64)
"""Bytes of a set of signals: what programs have to say that they mean."""

KNOWN_FLAGS = 0
for _flag in ActionFlag:
    KNOWN_FLAGS |= _flag


class MaskChange(IntEnum):
    """What `rt_sigprocmask` does with a set (include/uapi/asm-generic/signal-defs.h)."""

    BLOCK = 0
    UNBLOCK = 1
    SET = 2


class SignalCalls(SystemCallGroup):
    """Each method is what Linux does for the call of its name (man-pages, section 2)."""

    def __init__(
        self,
        processes: Processes,
        user_return: UserReturn,
        signals: Signals,
        forced: ForcedSignals,
        actions: SignalActionStore,
        masks: SignalMasks,
        frames: SignalFrames,
        stacks: AlternateStacks,
        restarts: Restarts,
        waits: SignalWaits,
        sleep: Sleep,
        times: UserTimes,
        copy: UserCopy,
    ) -> None:
        self.processes = processes
        self.user_return = user_return
        self.signals = signals
        self.forced = forced
        self.actions = actions
        self.masks = masks
        self.frames = frames
        self.stacks = stacks
        self.restarts = restarts
        self.waits = waits
        self.sleep = sleep
        self.times = times
        self.copy = copy

    @function(context="thread", sleeps=True)
    def _store(self, target: User[U8], source: U64, size: U64) -> OrErrno[I64]:
        """Copy `size` bytes to the program's `target`. Returns 0 or -EFAULT."""
        result, left = self.copy.copy_out(target, source, size)
        ignore(left)
        movsxd(rax, result)
        ret(rax)

    @function(context="thread", sleeps=True)
    def _fetch(self, target: U64, source: Fetched[User[U8]], size: U64) -> OrErrno[I64]:
        """Copy `size` bytes from the program's `source`. Returns 0 or -EFAULT."""
        result, left = self.copy.copy_in(target, source, size)
        ignore(left)
        movsxd(rax, result)
        ret(rax)

    # Actions

    @function(context="thread", sleeps=True)
    def rt_sigaction(
        self, number: Keep[U32], new: Keep[User[U8]], old: Keep[User[U8]], size: U64
    ) -> OrErrno[I64]:
        """Set what is done for the signal `number`, if `new` is not null, and store what was done
        before in `old`, if that is not null."""
        action = local(SignalAction)
        fail_if(size != SET_SIZE, Errno.EINVAL)
        with if_(u64(new) != 0):
            try_(self._fetch(address_of(action), new, sizeof(SignalAction)))
        mov(eax, number)
        dec(eax)
        fail_if(eax >= SIGNALS, Errno.EINVAL)
        with if_(u64(new) != 0):
            fail_if(bit_of(number) & UNBLOCKABLE, Errno.EINVAL)
        with if_(u64(new) != 0):
            self._set_action(number, address_of(action))
        with else_():
            group = scratch(self.processes.current().group)
            self.actions.get(group.actions, number, address_of(action))
        with if_(u64(old) == 0):
            ret(0)
        ret(self._store(old, address_of(action), sizeof(SignalAction)))

    @function(context="thread")
    def _set_action(self, number: Keep[U32], action: Keep[Ptr[SignalAction]]) -> None:
        """Do what is in `action` for the signal `number` from now on, and fill in `action` with
        what was done before. What is ignored now is pending no more."""
        former = local(SignalAction)
        group = keep(self.processes.current().group)
        self.actions.get(group.actions, number, address_of(former))
        and_(action.mask, ~UNBLOCKABLE)
        mov(eax, KNOWN_FLAGS)
        and_(action.flags, rax)
        self.actions.set(group.actions, number, action)
        bit = bit_of(number)
        with if_(
            (action.handler == Disposition.IGNORE)
            | ((action.handler == Disposition.DEFAULT) & (bit & IGNORED_BY_DEFAULT))
        ):
            self.signals.forget(group, bit)
        action.copy_from(scratch(address_of(former)))

    # Masks

    @function(context="thread", sleeps=True)
    def rt_sigprocmask(
        self, change: Keep[U32], new: Keep[User[U8]], old: Keep[User[U8]], size: U64
    ) -> OrErrno[I64]:
        """Change what is blocked by the set at `new`, as `change` says, and store what was blocked
        before in `old`; each unless it is null."""
        mask, former = local(U64), local(U64)
        fail_if(size != SET_SIZE, Errno.EINVAL)
        task = keep(self.processes.current())
        mov(rax, task.mask)
        mov(former, rax)
        with if_(u64(new) != 0):
            try_(self._fetch(address_of(mask), new, SET_SIZE))
            mov(rcx, mask)
            mov(rax, former)
            with switch(change):
                with case(MaskChange.BLOCK):
                    or_(rcx, rax)
                with case(MaskChange.UNBLOCK):
                    not_(rcx)
                    and_(rcx, rax)
                with case(MaskChange.SET):
                    pass
                with default():
                    fail(Errno.EINVAL)
            self.masks.set(task, rcx)
        with if_(u64(old) == 0):
            ret(0)
        ret(self._store(old, address_of(former), SET_SIZE))

    @function(context="thread", sleeps=True)
    def rt_sigpending(self, target: User[U8], size: U64) -> OrErrno[I64]:
        """Store what is pending and blocked, as many bytes of it as the program wants."""
        pending = local(U64)
        fail_if(size > SET_SIZE, Errno.EINVAL)
        task = scratch(self.processes.current())
        group = scratch(task.group)
        mov(rax, task.pending.set)
        or_(rax, group.pending.set)
        and_(rax, task.mask)
        mov(pending, rax)
        ret(self._store(target, address_of(pending), size))

    # Waiting

    @function(context="thread", sleeps=True)
    def pause(self) -> OrErrno[I64]:
        """Wait for a signal that is handled."""
        ignore(self.sleep.sleep_until(FOREVER, INTERRUPTIBLE), "only a signal ends it")
        ret(-Errno.ERESTARTNOHAND)

    @function(context="thread", sleeps=True)
    def rt_sigsuspend(self, mask: User[U8], size: U64) -> OrErrno[I64]:
        """Wait for a signal that is handled, with the set at `mask` blocked meanwhile."""
        wanted = local(U64)
        fail_if(size != SET_SIZE, Errno.EINVAL)
        try_(self._fetch(address_of(wanted), mask, SET_SIZE))
        task = scratch(self.processes.current())
        mov(rax, task.mask)
        mov(task.saved_mask, rax)
        mov(task.has_saved_mask, 1)
        self.masks.set(task, wanted)
        tail(self.pause)

    @function(context="thread", sleeps=True)
    def rt_sigtimedwait(
        self, wanted: User[U8], info: Keep[User[U8]], timeout: Keep[User[U8]], size: U64
    ) -> OrErrno[I64]:
        """Wait for a signal of the set at `wanted`, as long as `timeout` says; for ever if that is
        null. Return its number, and store what came with it unless `info` is null."""
        found, mask, deadline = local(UserSignalInfo), local(U64), local(Nanoseconds)
        fail_if(size != SET_SIZE, Errno.EINVAL)
        try_(self._fetch(address_of(mask), wanted, SET_SIZE))
        mov(rax, FOREVER)
        mov(deadline, rax)
        with if_(u64(timeout) != 0):
            try_(self.times.deadline(timeout, address_of(deadline)))
        and_(mask, ~UNBLOCKABLE)
        number = keep(
            try_(self.waits.wait(self.processes.current(), mask, address_of(found.info), deadline))
        )
        with if_(u64(info) != 0):
            found.clear_rest()
            try_(self._store(info, address_of(found), sizeof(UserSignalInfo)))
        ret(number)

    # Handlers

    @function(context="thread", sleeps=True)
    def sigaltstack(self, new: Keep[User[U8]], old: Keep[User[U8]]) -> OrErrno[I64]:
        """Set where handlers run that want a stack of their own, and store where they did in `old`;
        each unless it is null."""
        stack, former = local(AlternateStack), local(AlternateStack)
        task = keep(self.processes.current())
        frame = program_frame(scratch(task.thread))
        stack_pointer = keep(frame.rsp)
        release(frame)
        self.stacks.get(task, stack_pointer, address_of(former))
        with if_(u64(new) != 0):
            try_(self._fetch(address_of(stack), new, sizeof(AlternateStack)))
            failed = self.stacks.set(task, stack_pointer, address_of(stack))
            with if_(failed != 0):
                movsxd(rax, failed)
                ret(rax)
        with if_(u64(old) == 0):
            ret(0)
        ret(self._store(old, address_of(former), sizeof(AlternateStack)))

    @function(context="thread", sleeps=True)
    def rt_sigreturn(self) -> OrErrno[I64]:
        """Go on with what a handler has interrupted."""
        task = keep(self.processes.current())
        self.restarts.forget(task)
        frame = program_frame(scratch(task.thread))
        with if_(self.frames.restore(task, frame) != 0):
            self.forced.refuse(task, 0)
        tail(self.user_return.enter)

    @function(context="thread", sleeps=True)
    def restart_syscall(self) -> OrErrno[I64]:
        """Go on with a call that a signal has interrupted. Only the kernel has programs call it."""
        tail(self.restarts.go_on, self.processes.current())
