"""A host whose one processor runs threads."""

from kernel.clock.clock import Clock
from kernel.clock.timers import Timers
from kernel.cpu.pagetable import PAGE
from kernel.cpu.percpu import PerCpu
from kernel.cpu.stack import STACK_SIZE
from kernel.debug.panic import Panic
from kernel.interrupts.dispatcher import Dispatcher
from kernel.interrupts.localapic import LocalApic
from kernel.mm.runtimemappings import RuntimeMappings
from kernel.processors.processors import Processors
from kernel.sched.preemption import Preemption
from kernel.sched.scheduler import Scheduler
from kernel.sched.waiting import Waiting
from kernel.sched.xstate import ExtendedState
from kernel.threads.areas import SaveAreas
from kernel.threads.stacks import ThreadStacks
from kernel.threads.threads import Threads
from pykasm import *
from pykasm.hostrun import Host
from tests.host.console_support import Paper, parts_on

STACKS = 0xFFFF_C100_0000_0000
"""Where the tests have mapped memory for stacks."""
MOST = 32
"""For so many of them."""
DISTANCE = STACK_SIZE + PAGE
"""From one to the next."""
SILENT = (RuntimeMappings, LocalApic, Dispatcher, Timers, ExtendedState, SaveAreas, Panic)
"""What threads of the tests do without; where they need it, the tests answer."""


class Kernel:
    """The subsystems that make threads, and what they did with memory."""

    def __init__(self, *silent: type[Subsystem]) -> None:
        self.parts = parts_on(Paper(), *SILENT, *silent)
        self.per_cpu = self.parts[PerCpu]
        self.preemption = self.parts[Preemption]
        self.memory = self.parts[RuntimeMappings]
        self.apic = self.parts[LocalApic]
        self.clock, self.timers = self.parts[Clock], self.parts[Timers]
        self.processors = self.parts[Processors]
        self.scheduler = self.parts[Scheduler]
        self.waiting = self.parts[Waiting]
        self.stacks = self.parts[ThreadStacks]
        self.threads = self.parts[Threads]
        self.allocated: list[int] = []
        self.freed: list[int] = []
        self.most = MOST
        """How many stacks there is memory for."""

    def host(self, *subsystems: Subsystem, limit: int = 1_000_000) -> Host:
        """A host on which these threads, and `subsystems`, have been started."""
        host = Host(self.threads, *subsystems, limit=limit)
        for name in ("symbols_start", "symbols_end"):
            host.define(name, 0)
        host.stub(self.clock.now, lambda: 0)
        host.map(STACKS, MOST * DISTANCE)
        host.stub(self.memory.allocate, self._allocate)
        host.stub(self.memory.free, self.freed.append)
        host.call(self.per_cpu.start_first)
        host.call(self.threads.start)
        host.checkpoint()
        return host

    def reset(self, host: Host) -> None:
        """Forget all that happened since the threads were started."""
        host.reset()
        self.allocated.clear()
        self.freed.clear()
        self.most = MOST

    def _allocate(self, pages: int) -> int:
        if len(self.allocated) == self.most:
            return 0
        self.allocated.append(STACKS + len(self.allocated) * DISTANCE)
        return self.allocated[-1]
