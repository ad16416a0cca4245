"""Parts of programs that begin again when they are interrupted."""

from __future__ import annotations

from kernel.cpu.percpu import PerCpu
from kernel.cpu.trapframe import TrapFrame
from kernel.errno import Errno
from kernel.mm.memoryshortage import MemoryShortage
from kernel.paging.addresses import below_user_end
from kernel.sched.thread import Interruption
from kernel.sched.waiting import Waiting
from kernel.signals.forcedsignals import ForcedSignals
from kernel.signals.signaltarget import SignalTarget
from kernel.vm.usercopy import UserCopy
from pykasm import *

UNINITIALIZED = 0xFFFF_FFFF
"""The processor that a thread is told before it has begun (RSEQ_CPU_ID_UNINITIALIZED)."""


class SequenceArea(Struct):
    """What a program and the kernel tell each other: `struct rseq` (include/uapi/linux/rseq.h)."""

    first_processor: U32
    """On which the thread runs; always a valid one."""
    processor: U32
    """The same, or why there is none."""
    section: Untrusted[U64]
    """The `SequenceSection` that the program is about to begin, or is in; 0 for none."""
    flags: Untrusted[U32]
    node: U32
    concurrency: U32
    """A number that no other running thread of the process has: that of the processor."""
    padding: U32


class SequenceSection(Struct):
    """Instructions that are executed to their end without an interruption, or given up: `struct
    rseq_cs`."""

    version: Untrusted[U32]
    flags: Untrusted[U32]
    start: Untrusted[U64]
    length: Untrusted[U64]
    abort: Untrusted[U64]
    """Where the program goes on when they are given up."""


class RestartableSequences(Subsystem):
    """Has a thread that has lost its processor, or has come to another one, or handles a signal,
    give up the section that it was in, and tells it where it runs (rseq; Documentation of Linux's
    `struct rseq`). Context: thread, the one that it is about."""

    def __init__(
        self,
        per_cpu: PerCpu,
        waiting: Waiting,
        forced: ForcedSignals,
        copy: UserCopy,
        shortage: MemoryShortage,
    ) -> None:
        self.per_cpu = per_cpu
        self.waiting = waiting
        self.forced = forced
        self.copy = copy
        self.shortage = shortage

    # Which threads have such sections

    @function(context="thread")
    def register(
        self, target: Ptr[SignalTarget], area: Untrusted[U64], length: U32, signature: U32
    ) -> None:
        """Use the program's `area` for `target`, which is told where it runs before it goes on."""
        mov(target.sequence_area, area)
        mov(target.sequence_length, length)
        mov(target.sequence_signature, signature)
        thread = scratch(target.thread)
        mov(thread.restarts, Interruption.RESTART)
        tail(self.waiting.interrupt, thread, Interruption.RESTART)

    @function(context="thread")
    def forget(self, target: Ptr[SignalTarget]) -> None:
        """Use no area for `target` any more."""
        mov(target.sequence_area, 0)
        thread = scratch(target.thread)
        mov(thread.restarts, 0)

    @function(context="thread")
    def inherit(self, target: Ptr[SignalTarget], parent: Ptr[SignalTarget]) -> None:
        """Give `target`, a thread with a copy of the memory of `parent`, what that has."""
        parent = scratch(parent)
        with if_(parent.sequence_area != 0):
            tail(
                self.register,
                target,
                parent.sequence_area,
                parent.sequence_length,
                parent.sequence_signature,
            )

    @function(context="thread", sleeps=True)
    def reset(self, target: Keep[Ptr[SignalTarget]]) -> OrErrno[I64]:
        """Write into the area of `target` that it runs nowhere. Returns 0 or -EFAULT."""
        result = self._write(target, 0, UNINITIALIZED)
        fail_if(result != 0, Errno.EFAULT)
        ret(0)

    # Before the program goes on

    @function(context="thread", sleeps=True)
    def settle(
        self, target: Keep[Ptr[SignalTarget]], frame: Keep[Ptr[TrapFrame]], number: Keep[U32]
    ) -> Bool:
        """Have the program of `target`, whose registers are in `frame`, give up the section that it
        is in, and tell it where it runs, before it handles the signal `number` if that is not 0.
        Returns whether that could be done; it gets SIGSEGV if not."""
        with if_(target.sequence_area == 0):
            ret(True)
        with loop():
            with if_(self._settle(target, frame) == 0):
                ret(True)
            break_if(~self.shortage.wait())
        self.forced.refuse(target, number)
        ret(False)

    @function(context="thread", sleeps=True)
    def _settle(self, target: Keep[Ptr[SignalTarget]], frame: Ptr[TrapFrame]) -> OrErrno[I32]:
        """Do so, where all of it can be reached. Returns 0, -EFAULT or -EINVAL."""
        try_(self._give_up(target, frame))
        mov(eax, self.per_cpu.number)
        tail(self._write, target, eax, eax)

    @function(context="thread", sleeps=True)
    def _give_up(
        self, target: Keep[Ptr[SignalTarget]], frame: Keep[Ptr[TrapFrame]]
    ) -> OrErrno[I32]:
        """Go on where the section that the program is in wants it. Returns 0, -EFAULT or
        -EINVAL."""
        area, section = local(SequenceArea), local(SequenceSection)
        try_(self._read(address_of(area), target.sequence_area, sizeof(SequenceArea)))
        with if_(area.section == 0):
            ret(0)
        fail_if(~below_user_end(area.section), Errno.EINVAL)
        try_(self._read(address_of(section), area.section, sizeof(SequenceSection)))
        try_(self._check(address_of(section), target.sequence_signature))
        mov(rax, frame.rip)
        sub(rax, section.start)
        with if_(rax < section.length):
            fail_if((section.flags != 0) | (area.flags != 0), Errno.EINVAL)
            mov(rax, section.abort)
            mov(frame.rip, rax)
        mov(area.section, 0)
        place = cast(scratch(target.sequence_area), User[U8])
        add(u64(place), offsetof(SequenceArea, "section"))
        result, left = self.copy.copy_out(place, address_of(area.section), sizeof(U64))
        ignore(left)
        ret(result)

    @function(context="thread", sleeps=True)
    def _check(self, section: Keep[Ptr[SequenceSection]], signature: Keep[U32]) -> OrErrno[I32]:
        """Return 0 if `section` is one, and there is the `signature` in front of where it is given
        up; else -EINVAL or -EFAULT."""
        end, found = scratch(section.start), local(U32)
        fail_if((section.version != 0) | (lambda: ~below_user_end(end)), Errno.EINVAL)
        add(end, section.length)
        fail_if(CF | ~below_user_end(end), Errno.EINVAL)
        mov(rax, section.abort)
        fail_if(~below_user_end(rax), Errno.EINVAL)
        sub(rax, section.start)
        fail_if(rax < section.length, Errno.EINVAL)
        release(end)
        mov(rax, section.abort)
        sub(rax, sizeof(U32))
        try_(self._read(address_of(found), rax, sizeof(U32)))
        fail_if(found != signature, Errno.EINVAL)
        ret(0)

    @function(context="thread", sleeps=True)
    def _read(self, to: U64, source: Untrusted[U64], length: U64) -> OrErrno[I32]:
        """Copy `length` bytes from the program's `source`. Returns 0 or -EFAULT."""
        result, left = self.copy.copy_in(to, cast(source, User[U8]), length)
        ignore(left)
        ret(result)

    @function(context="thread", sleeps=True)
    def _write(self, target: Keep[Ptr[SignalTarget]], first: U32, processor: U32) -> OrErrno[I32]:
        """Write the numbers of the processor into the area of `target`: `first`, which is always
        that of one, and `processor`. Returns 0 or -EFAULT."""
        area = local(SequenceArea)
        mov(area.first_processor, first)
        mov(area.processor, processor)
        mov(area.node, 0)
        mov(area.concurrency, first)
        try_(self._write_part(target, address_of(area), 0))
        numbers = address_of(area.node)
        result = self._write_part(target, numbers, offsetof(SequenceArea, "node"))
        ret(result)

    @function(context="thread", sleeps=True)
    def _write_part(self, target: Ptr[SignalTarget], source: U64, offset: U64) -> OrErrno[I32]:
        """Copy two words from `source` to `offset` in the area of `target`."""
        offset = scratch(offset)
        add(offset, target.sequence_area)
        result, left = self.copy.copy_out(cast(offset, User[U8]), source, 2 * sizeof(U32))
        ignore(left)
        ret(result)
