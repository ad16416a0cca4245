"""Texts about what processors do."""

from __future__ import annotations

from kernel.clock.clock import Clock
from kernel.clock.units import NSEC_PER_SEC, Nanoseconds
from kernel.exec.auxiliary import CLOCK_TICKS
from kernel.fs.inode import Inode
from kernel.fs.textwriter import TextWriter
from kernel.interrupts.dispatcher import VECTORS, Dispatcher
from kernel.proc.procsource import ProcSource, ProcText
from kernel.process.processes import Processes
from kernel.process.processids import ProcessIds
from kernel.process.task import Task
from kernel.processors.processor import Processor
from kernel.processors.processors import Processors
from kernel.sched.loadaverages import AVERAGES, FRACTION_BITS, ONE, LoadAverages
from kernel.sched.runqueue import RunQueue
from kernel.sched.runtimes import RunTimes
from kernel.sched.scheduler import Scheduler
from kernel.sched.thread import Interruption, Thread, ThreadState
from kernel.threads.idle import Idle
from kernel.threads.threads import Threads
from kernel.time.wallclock import WallClock
from pykasm import *

NSEC_PER_TICK = NSEC_PER_SEC // CLOCK_TICKS
"""Nanoseconds of the units that times are told in."""

PARTS = 100
"""Of a second, or of a thread, that are told."""

ROUNDING = ONE // (2 * PARTS)
"""Half of a part in averages, so that they are rounded."""

TIMES = ("user", "nice", "system", "idle")


class ProcessorUse(Struct):
    """What a processor has done, or all together."""

    user: Nanoseconds
    nice: Nanoseconds
    system: Nanoseconds
    idle: Nanoseconds
    switches: U64
    interrupts: U64


class LoadTexts(ProcSource):
    """Writes how busy processors are. Context: thread."""

    def __init__(
        self,
        writer: TextWriter,
        clock: Clock,
        wall_clock: WallClock,
        processors: Processors,
        scheduler: Scheduler,
        averages: LoadAverages,
        idle: Idle,
        threads: Threads,
        dispatcher: Dispatcher,
        processes: Processes,
        ids: ProcessIds,
    ) -> None:
        self.writer = writer
        self.clock = clock
        self.wall_clock = wall_clock
        self.processors = processors
        self.scheduler = scheduler
        self.averages = averages
        self.idle = idle
        self.threads = threads
        self.dispatcher = dispatcher
        self.processes = processes
        self.ids = ids
        self.proc_files = [
            ProcText("stat", self.show_stat),
            ProcText("uptime", self.show_uptime),
            ProcText("loadavg", self.show_averages),
        ]

    # What there is to tell

    @function(context="thread")
    def _add(self, use: Keep[Ptr[ProcessorUse]], processor: Keep[Ptr[Processor]]) -> None:
        """Add to `use` what `processor` has done."""
        place, times = scratch(processor.block), local(RunTimes)
        self.processors.per_cpu.point_into(place, self.scheduler.queue)
        queue = cast(place, Ptr[RunQueue])
        for name in ("user", "nice", "system", "switches"):
            mov(rax, getattr(queue, name))
            add(getattr(use, name), rax)
        release(place)
        place = scratch(processor.block)
        self.processors.per_cpu.point_into(place, self.idle.thread)
        thread = scratch(cast(place, Ptr[Ptr[Thread]])[0])
        with if_(thread != 0):
            self.scheduler.read_times(thread, address_of(times))
            mov(rax, times.total)
            add(use.idle, rax)
        tail(self._add_interrupts, use, processor.block)

    @function
    def _add_interrupts(self, use: Ptr[ProcessorUse], block: U64) -> None:
        """Add the interrupts of the processor with this block of variables."""
        place, left = scratch(block), scratch(U32)
        self.processors.per_cpu.point_into(place, self.dispatcher.counts)
        xor(eax, eax)
        with for_(left, 0, VECTORS):
            add(rax, u64[place])
            add(place, sizeof(U64))
        add(use.interrupts, rax)

    @function(context="thread")
    def _add_all(self, use: Keep[Ptr[ProcessorUse]]) -> None:
        """Fill in `use` with what all processors have done."""
        zero(use)
        with self.processors.each() as processor:
            self._add(use, processor)

    # Texts

    @function(context="thread")
    def show_stat(self, inode: Ptr[Inode]) -> OrErrno[I32]:
        """Write times of all processors and of each, and what was counted (proc(5), stat)."""
        use, one = local(ProcessorUse), local(ProcessorUse)
        self._add_all(address_of(use))
        self.writer.print("cpu ")
        self._show_times(address_of(use))
        with self.processors.each() as processor:
            zero(one)
            self._add(address_of(one), processor)
            self.writer.print("cpu%u", processor.number)
            self._show_times(address_of(one))
        self.writer.print("intr %u\nctxt %u\n", use.interrupts, use.switches)
        started = keep(self.wall_clock.now())
        sub(started, self.clock.now())
        self.writer.print("btime %u\n", self._quotient(started, NSEC_PER_SEC))
        self.writer.print("processes %u\n", self.ids.given)
        self.writer.print("procs_running %u\n", self.averages.count_active())
        self.writer.print("procs_blocked %u\n", self._count_blocked())
        ret(0)

    @function
    def _show_times(self, use: Keep[Ptr[ProcessorUse]]) -> None:
        """Write a line of times in units of `CLOCK_TICKS`. Devices are not waited for, the time of
        interrupts is that of what they interrupt, and nobody steals any."""
        for name in TIMES:
            self.writer.print(" %u", self._quotient(getattr(use, name), NSEC_PER_TICK))
        self.writer.print(" 0 0 0 0 0 0\n")

    @function
    def _quotient(self, number: U64, divisor: U64) -> U64:
        """Return `number` by `divisor`."""
        divisor = scratch(divisor)
        mov(rax, number)
        xor(edx, edx)
        div(divisor)
        ret(rax)

    @function(context="thread")
    def _count_blocked(self) -> U64:
        """Return how many threads of programs wait for what no signal ends."""
        total = keep(U64)
        xor(u32(total), u32(total))
        with (
            self.processes.lock.held(),
            self.processes.each() as process,
            process.lock.held(),
            process.tasks.each(Task, "sibling", place=scratch) as task,
        ):
            thread = scratch(task.thread)
            mov(eax, thread.wait_mode)
            with if_(
                (thread.state == ThreadState.BLOCKED)
                & (eax != 0)
                & ((eax & Interruption.SIGNAL) == 0)
            ):
                inc(total)
        ret(total)

    @function(context="thread")
    def show_uptime(self, inode: Ptr[Inode]) -> OrErrno[I32]:
        """Write the seconds since the start, and for how long processors were idle, all
        together."""
        use = local(ProcessorUse)
        self._add_all(address_of(use))
        self._show_seconds(self.clock.now())
        self.writer.print(" ")
        self._show_seconds(use.idle)
        self.writer.print("\n")
        ret(0)

    @function
    def _show_seconds(self, time: U64) -> None:
        """Write nanoseconds as seconds."""
        ignore(self._quotient(time, NSEC_PER_SEC // PARTS), "it stays in rax")
        xor(edx, edx)
        mov(ecx, PARTS)
        div(rcx)
        self.writer.print("%u.%02u", rax, rdx)

    @function(context="thread")
    def show_averages(self, inode: Ptr[Inode]) -> OrErrno[I32]:
        """Write how many threads wanted to run, how many do now, and who came last (proc(5),
        loadavg)."""
        for place in range(AVERAGES):
            mov(rax, self.averages.averages[place])
            add(rax, ROUNDING)
            mov(rdx, rax)
            shr(rax, FRACTION_BITS)
            and_(edx, ONE - 1)
            imul(edx, edx, PARTS)
            shr(edx, FRACTION_BITS)
            self.writer.print("%u.%02u ", rax, rdx)
        self.writer.print("%u/", self.averages.count_active())
        self.writer.print("%u %u\n", self.threads.count, self.ids.last)
        ret(0)
