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
    """The memory of one processor. What could not be allocated is null."""

    block: Owned[U64]
    """Its per-CPU variables."""
    stacks: Array[Owned[U64]] = field(count=len(STACKS))
    """Its interrupt stacks, in the order of `STACKS`."""
    thread: OrNull[Owned[Ptr[Thread]]]
    """Its idle thread."""
    worker: OrNull[Owned[Ptr[Thread]]]
    """Its thread for deferred work."""


class ProcessorResources(Subsystem):
    """Allocate and free that memory. Context: thread, interrupts on."""

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
    def allocate(self, memory: Keep[Ptr[ProcessorMemory]]) -> Bool:
        """Allocate all of `memory`, ready to be used by a processor. Return whether that worked."""
        pages = scratch(U64)
        mov(pages, address_of(symbol("percpu_size")))
        add(pages, PAGE - 1)
        shr(pages, PageShift.PAGE)
        mov(memory.block, self.runtime.allocate(pages))
        for index in range(len(STACKS)):
            mov(memory.stacks[index], self.runtime.allocate(STACK_SIZE // PAGE))
        mov(memory.thread, self.idle.make())
        mov(memory.worker, self.deferred.make())
        for part in (*self._pages(memory), *self._threads(memory)):
            with if_(part == 0):
                self.free(memory)
                ret(False)
        worker = keep(memory.worker)
        self.per_cpu.fill(memory.block)
        self.deferred.assign(worker, memory.block)
        for index, stack in enumerate(STACKS):
            top = scratch(memory.stacks[index])
            add(top, STACK_SIZE)
            self.descriptors.set_stack(memory.block, stack, top)
        ret(True)

    @function(init=True)
    def free(self, memory: Keep[Ptr[ProcessorMemory]]) -> None:
        """Free what `memory` has, which no processor has ever used."""
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
