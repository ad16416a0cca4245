"""What a started processor does before it runs threads."""

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
    """How far a processor has come."""

    AWAITED = 0
    RUNNING = 1
    """It needs nothing any more of what only starting needs."""
    COMPARED = 2
    """Its time-stamp counter is known to agree with that of the first processor, or not to."""


class SecondaryStart(Subsystem):
    """Each processor goes through this alone, while the one that woke it waits. Nothing of the
    kernel's is unmapped meanwhile: nobody tells a processor to forget it that is not listed yet."""

    block = bss(U64)
    """Its per-CPU variables."""
    thread = bss(Ptr[Thread])
    """Its idle thread, on whose stack it runs from the start."""
    number = bss(U32)
    stage = bss(U32)
    """How far it has come, a `StartStage`."""

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
        mov(self.stage, StartStage.RUNNING)
        self.tsc_sync.compare()
        mov(self.stage, StartStage.COMPARED)
        sti()
        tail(self.idle.run, 0)
        never()

    @function(init=True)
    def start(self) -> None:
        """Start what each processor has of its own."""
        self.per_cpu.use(self.block, self.number)
        for step in self.steps:
            step()
        thread = keep(self.thread)
        mov(thread.stack_pointer, 0)  # this processor is on its stack
        self.scheduler.adopt(thread)
        self.processors.enter()
