"""The actions of each interrupt vector."""

from __future__ import annotations

from collections.abc import Mapping

from kernel.cpu.exceptions import VectorHandlers
from kernel.cpu.percpu import PerCpu
from kernel.cpu.trapframe import TrapFrame
from kernel.interrupts.action import Action
from kernel.interrupts.localapic import SERVING, LocalApic
from kernel.interrupts.vectors import FIRST_INTERRUPT, InterruptVector
from kernel.locks.spinlock import SpinLock
from pykasm import *
from pykasm.lang.function import BoundFunction

VECTORS = 256


class Slot(Struct):
    """A vector's actions."""

    first: Ptr[Action] = field(guarded_by="Dispatcher.lock", unlocked_reads=True)
    running: U32
    """The number of processors that are calling the actions."""


class Dispatcher(VectorHandlers):
    """Calls the actions of each interrupt. A vector means the same on all processors."""

    slots = bss(Slot * VECTORS)
    """By vector."""
    counts = percpu(U64 * VECTORS)
    """The number of interrupts that this processor had on each vector."""
    serving = percpu(U32)
    """1 while this processor calls actions, else 0."""

    def __init__(self, apic: LocalApic, per_cpu: PerCpu) -> None:
        self.apic = apic
        self.per_cpu = per_cpu
        self.lock = bss(SpinLock)

    def handlers(self) -> Mapping[int, BoundFunction[None]]:
        """Return the handlers of all interrupts."""
        return {
            **dict.fromkeys(range(FIRST_INTERRUPT, VECTORS), self.serve),
            InterruptVector.SPURIOUS: self.ignore_spurious,
        }

    @function(context="interrupt")
    def serve(self, frame: Ptr[TrapFrame]) -> None:
        """Call the actions of the vector of `frame`, and end the interrupt."""
        slot, action = keep(Ptr[Slot]), keep(Ptr[Action])
        begins(SERVING)
        mov(rax, frame.vector)
        inc(self.counts[rax])
        inc(self.serving)
        point_at(slot, self.slots, rax)
        # A memory barrier, too, before the first action is read: see `synchronize`.
        lock.inc(slot.running)
        mov(action, slot.first)
        with while_(action != 0):
            action.handler(action.argument)
            mov(action, action.next)
        lock.dec(slot.running)
        dec(self.serving)
        self.apic.end_interrupt()

    @function(context="interrupt")
    def ignore_spurious(self, frame: Ptr[TrapFrame]) -> None:
        """Count an interrupt that vanished while it was delivered. It must not be ended, or another
        one would be (Intel SDM vol. 3A, 11.9)."""
        inc(self.counts[InterruptVector.SPURIOUS])

    @inline(changes=(rax, rcx))
    def count_of(self, block: U64, vector: U32) -> U64:
        """Return the number of interrupts on `vector` that the processor had whose per-CPU
        variables are in `block`."""
        mov(rax, block)
        self.per_cpu.point_into(rax, self.counts)
        mov(ecx, vector)
        mov(rax, u64[rax + rcx * sizeof(U64)])
        return u64(rax)

    @function(context="any")
    def claim(self, vector: U32, action: Ptr[Action]) -> None:
        """Add `action` to those that are called on `vector`. Context: any."""
        slot = scratch(Ptr[Slot])
        point_at(slot, self.slots, u64(vector))
        with self.lock.held():
            mov(rax, slot.first)
            mov(action.next, rax)
            mov(slot.first, action)  # seen by `serve` only when it is whole

    @function(context="any")
    def allocate(self, action: Ptr[Action]) -> U32:
        """Allocate a vector that calls `action` from now on. Return it, or 0 if there is none.

        The device is told of it afterwards. Context: any.
        """
        slot, vector = scratch(Ptr[Slot]), scratch(U32)
        mov(vector, InterruptVector.FIRST_DEVICE)
        lea(slot, self.slots[InterruptVector.FIRST_DEVICE])
        mov(action.next, 0)
        with self.lock.held():
            with while_((vector <= InterruptVector.LAST_DEVICE) & (slot.first != 0)):
                inc(vector)
                add(slot, sizeof(Slot))
            with if_(vector <= InterruptVector.LAST_DEVICE):
                mov(slot.first, action)
            with else_():
                xor(vector, vector)
        ret(vector)

    @function(context="any")
    def allocated(self, action: Ptr[Action]) -> U32:
        """Return the vector that was allocated for `action`; 0 if it is released. Context: any."""
        action, slot, vector = scratch(action), scratch(Ptr[Slot]), scratch(U32)
        mov(vector, InterruptVector.FIRST_DEVICE)
        lea(slot, self.slots[InterruptVector.FIRST_DEVICE])
        with self.lock.held():
            with while_((vector <= InterruptVector.LAST_DEVICE) & (slot.first != action)):
                inc(vector)
                add(slot, sizeof(Slot))
            with if_(vector > InterruptVector.LAST_DEVICE):
                xor(vector, vector)
        ret(vector)

    @function
    def release(self, vector: Keep[U32], action: Ptr[Action]) -> None:
        """Remove `action` from `vector`; it does not run when this returns. A vector without
        actions is free. The device must have been told before. Context: thread."""
        ignore(self.remove(vector, action))
        tail(self.synchronize, vector)

    @function(context="any")
    def remove(self, vector: U32, action: Ptr[Action]) -> Bool:
        """Remove `action` from `vector`, on which it may still be running. Return whether others
        are left. Context: any."""
        slot, place, left = scratch(Ptr[Slot]), scratch(Ptr[Ptr[Action]]), scratch(Bool)
        point_at(slot, self.slots, u64(vector))
        lea(place, slot.first)
        xor(left, left)
        with self.lock.held():
            with while_((at(place) != 0) & (at(place) != action)):
                before = scratch(at(place))
                lea(place, before.next)
            with if_(at(place) == action):
                # Its own `next` stays, as `serve` may be reading it on another processor.
                mov(rax, action.next)
                mov(at(place), rax)
            with if_(slot.first != 0):
                inc(left)
        ret(left)

    @function
    def synchronize(self, vector: U32) -> None:
        """Wait until no processor runs actions that `vector` had before. Context: thread, as an
        action would wait for itself."""
        slot = scratch(Ptr[Slot])
        point_at(slot, self.slots, u64(vector))
        mfence()  # or `running` could be read before others see that the action is gone
        with while_(slot.running != 0):
            pause()
