"""The start of a processor that the first one has woken."""

from __future__ import annotations

from enum import IntEnum
from typing import NoReturn

from kernel.cpu.percpu import PerCpu
from kernel.processors.processors import Processors
from kernel.sched.scheduler import Scheduler
from kernel.sched.thread import Thread
from kernel.start.secondaryorder import SecondarySteps
from kernel.threads.idle import Idle
from kernel.time.tscsync import TscSync
from pykasm import *


class StartStage(IntEnum):
    """The stages of a processor's start."""

    AWAITED = 0
    RUNNING = 1
    """It no longer needs what only starting needs."""
    COMPARED = 2
    """Its time-stamp counter has been compared with that of the first processor."""


class SecondaryStart(Subsystem):
    """Make a processor one of the kernel's, while the one that woke it waits. Nothing of the
    kernel's is unmapped meanwhile, as a processor that is not listed yet gets no TLB
    shoot-downs."""

    block = bss(U64)
    """Its per-CPU variables."""
    thread = bss(Ptr[Thread])
    """Its idle thread, on whose stack it runs from the start."""
    number = bss(U32)
    stage = bss(U32)
    """A `StartStage`, which the first processor waits for."""

    def __init__(
        self,
        per_cpu: PerCpu,
        processors: Processors,
        scheduler: Scheduler,
        idle: Idle,
        tsc_sync: TscSync,
        steps: SecondarySteps,
    ) -> None:
        self.per_cpu = per_cpu
        self.processors = processors
        self.scheduler = scheduler
        self.idle = idle
        self.tsc_sync = tsc_sync
        self.steps = steps

    @function
    def run(self) -> NoReturn:
        """Make this processor one of the kernel's. Context: interrupts off, the kernel's page
        tables, on the stack of `thread`."""
        self.start()
        mov(self.stage, StartStage.RUNNING)  # from here on `.init` code and the trampoline may go
        self.tsc_sync.compare()
        mov(self.stage, StartStage.COMPARED)
        sti()
        tail(self.idle.run, 0)
        never()

    @function(init=True)
    def start(self) -> None:
        """Start what each processor has of its own."""
        self.per_cpu.use(self.block, self.number)  # first, as all else has per-CPU variables
        for step in self.steps:
            step()
        thread = keep(self.thread)
        mov(thread.stack_pointer, 0)  # this processor is on its stack
        self.scheduler.adopt(thread)
        self.processors.enter()  # last: others may call it from here on
