"""The memory that a processor needs to run the kernel."""

from __future__ import annotations

from typing import Any

from kernel.cpu.descriptors import Descriptors, InterruptStack
from kernel.cpu.pagetable import PAGE, PageShift
from kernel.cpu.percpu import PerCpu
from kernel.cpu.stack import STACK_SIZE
from kernel.irq.deferred import Deferred
from kernel.mm.runtimemappings import RuntimeMappings
from kernel.sched.thread import Thread
from kernel.threads.idle import Idle
from kernel.threads.threads import Threads
from pykasm import *

STACKS = tuple(stack for stack in InterruptStack if stack != InterruptStack.NONE)


class ProcessorMemory(Struct):
    """What one processor needs. Null is what it lacks."""

    block: Owned[U64]
    """Its per-CPU variables."""
    stacks: Array[Owned[U64]] = field(count=len(STACKS))
    """Its interrupt stacks, in the order of `STACKS`."""
    thread: Owned[Ptr[Thread]]
    """Its idle thread."""
    worker: Owned[Ptr[Thread]]
    """Its thread for deferred work."""


class ProcessorResources(Subsystem):
    """Takes that memory and gives it back. Context: thread, interrupts on."""

    def __init__(
        self,
        per_cpu: PerCpu,
        descriptors: Descriptors,
        runtime: RuntimeMappings,
        idle: Idle,
        deferred: Deferred,
        threads: Threads,
    ) -> None:
        self.per_cpu = per_cpu
        self.descriptors = descriptors
        self.runtime = runtime
        self.idle = idle
        self.deferred = deferred
        self.threads = threads

    @function(init=True)
    def take(self, memory: Keep[Ptr[ProcessorMemory]]) -> U32:
        """Fill `memory` in, ready to be used by a processor; 1, or 0 if memory is out."""
        mov(rdi, address_of(symbol("percpu_size")))
        add(rdi, PAGE - 1)
        shr(rdi, PageShift.PAGE)
        mov(memory.block, self.runtime.allocate(rdi))
        for index in range(len(STACKS)):
            mov(memory.stacks[index], self.runtime.allocate(STACK_SIZE // PAGE))
        mov(memory.thread, self.idle.make())
        mov(memory.worker, self.deferred.make())
        for part in (*self._pages(memory), *self._threads(memory)):
            with if_(part == 0):
                self.give(memory)
                ret(0)
        self.per_cpu.fill(memory.block)
        self.deferred.assign(memory.worker, memory.block)
        for index, stack in enumerate(STACKS):
            mov(rdx, memory.stacks[index])
            add(rdx, STACK_SIZE)
            self.descriptors.give_stack(memory.block, stack, rdx)
        ret(1)

    @function(init=True)
    def give(self, memory: Keep[Ptr[ProcessorMemory]]) -> None:
        """Give back what `memory` has of what no processor ever used."""
        for part in self._pages(memory):
            with if_(part != 0):
                self.runtime.free(part)
        for part in self._threads(memory):
            with if_(part != 0):
                self.threads.discard(part)

    def _pages(self, memory: Ptr[ProcessorMemory]) -> list[Any]:
        return [memory.block, *(memory.stacks[n] for n in range(len(STACKS)))]

    def _threads(self, memory: Ptr[ProcessorMemory]) -> list[Any]:
        return [memory.thread, memory.worker]
