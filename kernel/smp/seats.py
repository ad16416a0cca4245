"""The memory that a processor needs to run the kernel."""

from __future__ import annotations

from kernel.cpu.descriptors import Descriptors, InterruptStack
from kernel.cpu.percpu import PerCpu
from kernel.mm.pagetable import PAGE, PageShift
from kernel.mm.runtime import Runtime
from kernel.mm.stack import STACK_SIZE
from kernel.threads.idle import Idle
from kernel.threads.thread import Thread
from pykasm import *

STACKS = tuple(stack for stack in InterruptStack if stack != InterruptStack.NONE)


class Seat(Struct):
    """What one processor needs. Null is what it lacks."""

    block: U64
    """Its per-CPU variables."""
    stacks: Array[U64] = field(count=len(STACKS))
    """Its interrupt stacks, in the order of `STACKS`."""
    thread: Ptr[Thread]
    """Its idle thread."""


class Seats(Subsystem):
    """Takes that memory and gives it back. Context: thread, interrupts on."""

    def __init__(
        self,
        per_cpu: PerCpu,
        descriptors: Descriptors,
        runtime: Runtime,
        idle: Idle,
    ) -> None:
        self.per_cpu = per_cpu
        self.descriptors = descriptors
        self.runtime = runtime
        self.idle = idle

    @function(init=True)
    def take(self, seat: Ptr[Seat]) -> U32:
        """Fill `seat` in, ready to be used by a processor; 1, or 0 if memory is out."""
        seat = keep(seat)
        mov(rdi, address_of(symbol("percpu_size")))
        add(rdi, PAGE - 1)
        shr(rdi, PageShift.PAGE)
        mov(seat.block, self.runtime.allocate(rdi))
        for index in range(len(STACKS)):
            mov(seat.stacks[index], self.runtime.allocate(STACK_SIZE // PAGE))
        mov(seat.thread, self.idle.make())
        for part in (seat.block, seat.thread, *(seat.stacks[n] for n in range(len(STACKS)))):
            with if_(part == 0):
                self.give(seat)
                ret(0)
        self.per_cpu.fill(seat.block)
        for index, stack in enumerate(STACKS):
            mov(rdx, seat.stacks[index])
            add(rdx, STACK_SIZE)
            self.descriptors.give_stack(seat.block, stack, rdx)
        ret(1)

    @function(init=True)
    def give(self, seat: Ptr[Seat]) -> None:
        """Give back what `seat` has of what no processor ever used."""
        seat = keep(seat)
        for part in (seat.block, *(seat.stacks[n] for n in range(len(STACKS)))):
            with if_(part != 0):
                self.runtime.free(part)
        with if_(seat.thread != 0):
            self.idle.discard(seat.thread)
