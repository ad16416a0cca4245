"""Several processors at work: threads on each of them, calls between them, and page tables that
change under all of them."""

from __future__ import annotations

from kernel.clock.clock import Clock
from kernel.clock.units import NSEC_PER_SEC
from kernel.console.console import Console
from kernel.cpu.pagetable import PAGE, PageShift
from kernel.mm.kernelspace import KernelSpace
from kernel.mm.mapper import Mapper
from kernel.mm.runtimemappings import RuntimeMappings
from kernel.mm.tablewalker import TableWalker
from kernel.paging.permissions import WRITE
from kernel.processors.processor import Processor
from kernel.processors.processors import Processors
from kernel.processors.request import Request
from kernel.sched.runqueue import BOOT_PRIORITY, IDLE_PRIORITY, RunQueue
from kernel.sched.scheduler import Scheduler
from kernel.sched.thread import Entry
from kernel.selftest.case import SHOWN, BenchmarkSuite, TestSuite, check, measure
from kernel.selftest.threadpool import THREADS, ThreadPool
from kernel.smp.calls import Calls
from kernel.threads.threads import Threads
from pykasm import *

CALLS = 25
CHANGES = 40
TURNS = 15
TIMEOUT = 10 * NSEC_PER_SEC
"""Nanoseconds after which a thread that is to go on elsewhere never will."""
FIRST, SECOND = 0x1111_1111, 0x2222_2222
"""What two pages hold."""


class Reading(Struct):
    """A processor is asked what it finds at an address."""

    request: Request
    address: U64
    value: U32


class SmpTests(TestSuite, BenchmarkSuite):
    """Shows nothing but the least where there is one processor."""

    ran = bss(U32)
    """Threads that ran on the processor that they were meant for."""
    served = bss(U64)
    """Calls that a processor answered."""
    holding = bss(U32)
    """1 while a thread keeps its processor."""
    wrong = bss(U32)
    """How often something was not what it should be."""

    def __init__(
        self,
        console: Console,
        processors: Processors,
        calls: Calls,
        scheduler: Scheduler,
        threads: Threads,
        kernel: KernelSpace,
        mapper: Mapper,
        walker: TableWalker,
        runtime: RuntimeMappings,
        pool: ThreadPool,
        clock: Clock,
    ) -> None:
        self.console = console
        self.processors = processors
        self.calls = calls
        self.scheduler = scheduler
        self.threads = threads
        self.kernel = kernel
        self.mapper = mapper
        self.walker = walker
        self.runtime = runtime
        self.pool = pool
        self.clock = clock
        self.tests = [
            check("smp.threads_everywhere", self.threads_everywhere),
            check("smp.displaced_thread_goes_on", self.displaced_thread_goes_on),
            check("smp.calls_in_all_directions", self.calls_in_all_directions),
            check("smp.changes_are_seen", self.changes_are_seen),
            check("smp.shoot_down_under_load", self.shoot_down_under_load),
        ]
        self.benchmarks = [measure("smp.call_others", self.call_others)]

    @function(sleeps=True)
    def everywhere(self, entry: Keep[Entry]) -> Bool:
        """Run a thread on each processor that calls `entry` with the processor's number, and wait
        for all of them. Return whether there was memory for that."""
        made = keep(Bool)
        mov(made, 1)
        with self.processors.each() as processor:
            and_(made, self._send(processor, entry))
        self.pool.join()
        ret(made)

    @function(sleeps=True)
    def _send(self, processor: Keep[Ptr[Processor]], entry: Entry) -> Bool:
        """Run a thread that calls `entry` on `processor`. Return whether there was memory for
        it."""
        mov(eax, processor.number)
        thread = keep(self.threads.make(text("everywhere"), entry, rax, BOOT_PRIORITY))
        with if_(thread == 0):
            ret(False)
        run_queue = scratch(processor.block)
        self.scheduler.per_cpu.point_into(run_queue, self.scheduler.queue)
        mov(thread.run_queue, run_queue)
        mov(thread.pinned, 1)
        self.pool.add(thread)
        ret(True)

    # Threads

    @function(sleeps=True)
    def threads_everywhere(self) -> U32:
        """Each processor runs the thread that is meant for it."""
        mov(self.ran, 0)
        made = self.everywhere(self._run_here)
        with if_(~made):
            self.console.print("no memory: ")
            ret(0)
        mov(eax, self.processors.count)
        with if_(self.ran != eax):
            self.console.print("%u of %u processors: ", self.ran, eax)
            ret(0)
        ret(1)

    @function
    def _run_here(self, number: U64) -> None:
        """Count the thread if it runs where it should."""
        mov(eax, self.processors.own.number)
        with if_(rax == number):
            lock.inc(self.ran)

    @function(sleeps=True)
    def displaced_thread_goes_on(self) -> U32:
        """A thread whose processor a more urgent one has taken continues on an idle processor, not
        after that one."""
        with if_(self.processors.count == 1):
            ret(1)
        self._wait_until_others_idle()
        mov(self.holding, 1)
        mov(self.wrong, 0)
        ignore(self.pool.create(self._hold, 1, BOOT_PRIORITY + 1, 1))
        mov(self.holding, 0)
        self.pool.join()
        with if_(self.wrong == 0):
            ret(1)
        self.console.print("it waited: ")
        ret(0)

    @function
    def _wait_until_others_idle(self) -> None:
        """Wait until all other processors are idle, and no timer of `SchedulerTicks` makes them
        look for work by chance."""
        with self.processors.others() as processor:
            queue = scratch(processor.block)
            self.scheduler.per_cpu.point_into(queue, self.scheduler.queue)
            queue = cast(queue, Ptr[RunQueue])
            with while_((queue.priority != IDLE_PRIORITY) | (queue.ticking != 0)):
                pause()

    @function
    def _hold(self, number: U64) -> None:
        """Keep this processor until another one does not want that any more."""
        end = keep(self.clock.now())
        mov(rcx, TIMEOUT)
        add(end, rcx)
        with while_(self.holding != 0):
            now = self.clock.now()
            with if_(now >= end):
                inc(self.wrong)
                ret()
            pause()

    # Calls

    @function(sleeps=True)
    def calls_in_all_directions(self) -> U32:
        """All processors call all others at the same time, and no call is lost or made twice."""
        mov(self.served, 0)
        made = keep(self.everywhere(self._call_often))
        mov(eax, self.processors.count)
        lea(ecx, bare[rax - 1])
        imul(rcx, rax)
        imul(rcx, rcx, CALLS)
        with if_(made & (self.served == rcx)):
            ret(1)
        self.console.print("%u of %u calls: ", self.served, rcx)
        ret(0)

    @function(sleeps=True, context="thread")
    def _call_often(self, number: U64) -> None:
        """Call all others."""
        tail(self.call_others, CALLS)

    @function(sleeps=True)
    def call_others(self, count: U32) -> None:
        """Call all others so many times."""
        request, left = local(Request), keep(count)
        with while_(left != 0):
            request.prepare(address_of(self._answer))
            self.calls.on_others(address_of(request))
            dec(left)

    @function(context="interrupt")
    def _answer(self, request: Ptr[Request]) -> None:
        """Count the call."""
        lock.inc(self.served)

    # Page tables

    @function(sleeps=True)
    def changes_are_seen(self) -> U32:
        """When an address is mapped to another page, all processors see that one."""
        first, second = keep(self._page(FIRST)), keep(self._page(SECOND))
        mov(self.wrong, 0)
        with if_((first == 0) | (second == 0)):
            for page in (first, second):
                with if_(page != 0):
                    self.runtime.free(page)
            self.console.print("no memory: ")
            ret(0)
        with for_(keep(U32), 0, CHANGES):
            self._expect_everywhere(first, FIRST)
            self._exchange(first, second)
            self._expect_everywhere(first, SECOND)
            self._exchange(first, second)
        self.runtime.free(first)
        self.runtime.free(second)
        with if_(self.wrong == 0):
            ret(1)
        self.console.print("%u times the page of before: ", self.wrong)
        ret(0)

    @function
    def _page(self, value: Keep[U32]) -> Owned[U64]:
        """Return the address of a page that begins with `value`; 0 if there is none."""
        page = self.runtime.allocate(1)
        with if_(page != 0):
            mov(u32[page], value)
        ret(page)

    @function(sleeps=True)
    def _expect_everywhere(self, address: Keep[U64], value: Keep[U32]) -> None:
        """Have all processors read at `address`; count those that find anything but `value`."""
        reading = local(Reading)
        with self.processors.each() as processor:
            reading.request.prepare(address_of(self.read))
            mov(reading.address, address)
            self.calls.on(processor, address_of(reading.request))
            with if_(reading.value != value):
                inc(self.wrong)

    @function(context="interrupt")
    def read(self, request: Ptr[Request]) -> None:
        """Read what the request asks for."""
        reading = cast(request, Ptr[Reading])
        mov(rax, reading.address)
        mov(eax, u32[rax])
        mov(reading.value, eax)

    @function(sleeps=True)
    def _exchange(self, first: Keep[U64], second: Keep[U64]) -> None:
        """Exchange the pages of two addresses."""
        pages = (keep(self.physical(first)), keep(self.physical(second)))
        for address in (first, second):
            ignore(self.mapper.unmap(address_of(self.kernel.space), address, PAGE), SHOWN)
        for address, page in zip((second, first), pages, strict=True):
            mov(r8, WRITE)
            kernel = address_of(self.kernel.space)
            ignore(self.mapper.map(kernel, address, page, PAGE, r8, PageShift.PAGE), SHOWN)

    @function
    def physical(self, address: U64) -> U64:
        """Return the physical address of what is mapped at `address`."""
        page, entry = self.walker.translate(address_of(self.kernel.space), address)
        ignore(entry)
        ret(page)

    @function(sleeps=True)
    def shoot_down_under_load(self) -> U32:
        """Threads on all processors map, write, read and unmap at the same time, each in turn with
        the others, and find what they wrote."""
        mov(self.wrong, 0)
        made = self.pool.run(self._use_memory)
        with if_(made & (self.wrong == 0)):
            ret(1)
        self.console.print("%u of %u times wrong: ", self.wrong, THREADS * TURNS)
        ret(0)

    @function(sleeps=True, context="thread")
    def _use_memory(self, number: Keep[U64]) -> None:
        """Write one's own number into fresh memory, and see that it stays."""
        page = keep(U64)
        with for_(keep(U32), 0, TURNS):
            mov(page, self.runtime.allocate(1))
            with if_(page == 0):
                lock.inc(self.wrong)
                break_()
            mov(u64[page], number)
            self.scheduler.yield_now()
            with if_(u64[page] != number):
                lock.inc(self.wrong)
            self.runtime.free(page)
