"""A host whose one processor runs threads."""

from typing import Any

from kernel.clock.timer import Timer
from kernel.cpu.pagetable import PAGE
from kernel.cpu.percpu import PerCpu
from kernel.cpu.stack import STACK_SIZE
from kernel.interrupts.action import Action
from kernel.processors.processors import Processors
from kernel.sched.preemption import Preemption
from kernel.sched.scheduler import Scheduler
from kernel.sched.switch import Switch
from kernel.sched.thread import Thread
from kernel.sched.ticks import Ticks
from kernel.sched.waiting import Waiting
from kernel.threads.stacks import ThreadStacks
from kernel.threads.threads import Threads
from pykasm import *
from pykasm.hostrun import Host

STACKS = 0xFFFF_C100_0000_0000
"""Where the tests have mapped memory for stacks."""
MOST = 32
"""For so many of them."""
DISTANCE = STACK_SIZE + PAGE
"""From one to the next."""


class Memory(Subsystem):
    """Where stacks come from."""

    @function
    def allocate(self, pages: U64) -> U64:
        """Answered by the tests."""
        ret(0)

    @function
    def free(self, address: U64) -> None:
        """Answered by the tests."""


class Apic(Subsystem):
    """The way to other processors, of which there are none."""

    @function
    def id(self) -> U32:
        """This processor's number."""
        ret(0)

    @function
    def send(self, destination: U32, command: U32) -> None:
        """Never called."""
        ud2()


class Dispatcher(Subsystem):
    """What is told of the handler that other processors would call."""

    serving = percpu(U32)

    @function
    def claim(self, vector: U32, action: Ptr[Action]) -> None:
        """Do nothing."""


class Timers(Subsystem):
    """A clock that stands still, with timers."""

    @function
    def now(self) -> U64:
        """No time has passed."""
        ret(0)

    @function
    def after(self, nanoseconds: U64) -> U64:
        """So much from now."""
        ret(nanoseconds)

    @function
    def arm(self, timer: Ptr[Timer], deadline: U64) -> None:
        """Do nothing: the deadline never comes."""

    @function
    def cancel_and_wait(self, timer: Ptr[Timer]) -> U32:
        """Nothing is armed."""
        ret(0)


class NoExtendedState(Subsystem):
    """Threads of the tests use general registers only."""

    @function
    def start_processor(self) -> None:
        """Do nothing."""

    @function
    def save(self, thread: Ptr[Thread]) -> None:
        """Never called."""
        ud2()

    @function
    def restore(self, thread: Ptr[Thread]) -> None:
        """Never called."""
        ud2()

    @function
    def drop(self, thread: Ptr[Thread]) -> None:
        """Do nothing."""


class Kernel:
    """The subsystems that make threads, and what they did with memory."""

    def __init__(self) -> None:
        self.per_cpu = PerCpu()
        self.preemption = Preemption()
        self.memory = Memory()
        self.apic: Any = Apic()
        self.processors = Processors(self.per_cpu, self.apic)
        self.dispatcher: Any = Dispatcher()
        self.timers: Any = Timers()
        self.ticks = Ticks(self.preemption, self.timers, self.timers)
        self.extended: Any = NoExtendedState()
        self.scheduler = Scheduler(
            self.per_cpu,
            self.preemption,
            Switch(self.processors),
            self.ticks,
            self.extended,
            self.apic,
            self.dispatcher,
        )
        self.waiting = Waiting(self.scheduler, self.timers)
        self.stacks = ThreadStacks(self.memory)
        self.threads = Threads(self.scheduler, self.stacks, self.waiting, self.extended)
        self.allocated: list[int] = []
        self.freed: list[int] = []
        self.most = MOST
        """How many stacks there is memory for."""

    def host(self, *subsystems: Subsystem, limit: int = 1_000_000) -> Host:
        """A host on which these threads, and `subsystems`, have been started."""
        host = Host(self.threads, *subsystems, limit=limit)
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
