"""Commands that show the processors."""

from __future__ import annotations

from kernel.clock.clock import Clock
from kernel.console.console import Console
from kernel.interrupts.dispatcher import VECTORS, Dispatcher
from kernel.monitor.command import Commands, command
from kernel.processors.processor import Processor
from kernel.processors.processors import Processors
from kernel.processors.request import Request
from kernel.sched.scheduler import Scheduler
from kernel.smp.calls import Calls
from kernel.text.strings import Words
from pykasm import *


class Snapshot(Struct):
    """A snapshot of a processor, taken by itself: others may not follow its pointer to a thread."""

    request: Request
    thread: Ptr[U8]
    """The name of the thread that ran, which outlives the thread."""
    interrupts: U64


class CpuCommands(Commands):
    """`cpus`."""

    def __init__(
        self,
        console: Console,
        processors: Processors,
        calls: Calls,
        scheduler: Scheduler,
        dispatcher: Dispatcher,
        clock: Clock,
    ) -> None:
        self.console = console
        self.processors = processors
        self.calls = calls
        self.scheduler = scheduler
        self.dispatcher = dispatcher
        self.clock = clock
        self.commands = [command("cpus", "", "the processors, and what they do", self.cpus)]

    @function(sleeps=True)
    def cpus(self, words: Ptr[Words]) -> Bool:
        """Print a line for each processor."""
        self.console.print("cpu  apic  interrupts  thread\n")
        with self.processors.each() as processor:
            self._show(processor)
        page = scratch(self.clock.page)
        with if_(page.unsynchronised != 0):
            self.console.print("their time-stamp counters differ\n")
        ret(True)

    @function(sleeps=True)
    def _show(self, processor: Keep[Ptr[Processor]]) -> None:
        """Print a line for `processor`."""
        snapshot = local(Snapshot)
        snapshot.request.prepare(address_of(self._take_snapshot))
        self.calls.on(processor, address_of(snapshot.request))
        self.console.print(
            "%3u  %4u  %10u  %s\n",
            processor.number,
            processor.apic,
            snapshot.interrupts,
            snapshot.thread,
        )

    @function(context="interrupt")
    def _take_snapshot(self, request: Ptr[Request]) -> None:
        """Take the snapshot of this processor."""
        snapshot, sum = cast(request, Ptr[Snapshot]), scratch(U64)
        thread = scratch(self.scheduler.current)
        mov(rax, thread.name)
        mov(snapshot.thread, rax)
        xor(u32(sum), u32(sum))
        with for_(scratch(U64), 0, VECTORS) as vector:
            add(sum, self.dispatcher.counts[vector])
        mov(snapshot.interrupts, sum)
