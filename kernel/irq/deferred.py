"""Work that interrupt handlers defer."""

from __future__ import annotations

from kernel.clock.clock import Clock
from kernel.cpu.interruptflag import interrupts_disabled
from kernel.debug.panic import Panic
from kernel.interrupts.action import Action
from kernel.interrupts.dispatcher import Dispatcher
from kernel.interrupts.vectors import InterruptVector
from kernel.interrupts.work import Performer, Work, WorkQueue, WorkState
from kernel.sched.runqueue import BOOT_PRIORITY
from kernel.sched.scheduler import Scheduler
from kernel.sched.thread import Thread
from kernel.sched.waiting import Waiting
from kernel.structures.list import ListHead
from kernel.threads.threads import Threads
from pykasm import *

TIME_LIMIT = 1_000_000
"""Nanoseconds after which no more work is begun at the end of an interrupt: what is left goes to a
thread."""


class Deferred(Subsystem):
    """Queues of deferred work, one for each processor.

    Work is done in the order in which it was queued: at the end of the interrupt, before the
    interrupted thread continues, with interrupts on. Interrupts that come meanwhile only add to the
    queue. After TIME_LIMIT the rest is left to a thread, which shares the processor with others
    until the queue is empty, so that no storm of interrupts starves them.
    """

    queue = percpu(WorkQueue, align=8)
    thread = percpu(Owned[Ptr[Thread]])
    """Waits in `queue.idle` while `queue.performer` is not THREAD."""

    def __init__(
        self,
        panic: Panic,
        dispatcher: Dispatcher,
        scheduler: Scheduler,
        waiting: Waiting,
        threads: Threads,
        clock: Clock,
    ) -> None:
        self.panic = panic
        self.dispatcher = dispatcher
        self.per_cpu = scheduler.per_cpu
        self.preemption = scheduler.preemption
        self.scheduler = scheduler
        self.waiting = waiting
        self.threads = threads
        self.clock = clock
        self.action = data(Action, Action(handler=self.begin))
        """For `InterruptVector.WORK`."""

    # Starting

    @function(init=True)
    def start_first(self) -> None:
        """Prepare the first processor for work. Context: interrupts off."""
        mov(self.thread, self.make())
        with if_(self.thread == 0):
            self.panic.stop(text("no memory is left for the thread of deferred work"))
        self.dispatcher.claim(InterruptVector.WORK, address_of(self.action))
        tail(self.start_processor)

    @function(init=True)
    def make(self) -> Owned[OrNull[Ptr[Thread]]]:
        """Create the `thread` of a processor that is to start. Return null if memory is out."""
        name, entry = text("deferred work"), address_of(self.run)
        tail(self.threads.make, name, entry, 0, BOOT_PRIORITY)

    @function(init=True)
    def assign(self, thread: Ptr[Thread], block: U64) -> None:
        """Store `thread` as that of the processor that will have the per-CPU `block`."""
        block = scratch(block)
        self.per_cpu.point_into(block, self.thread)
        mov(cast(block, Ptr[Ptr[Thread]])[0], thread)

    @function(init=True)
    def start_processor(self) -> None:
        """Prepare this processor, which has a `thread`, for work. Context: interrupts off."""
        queue = scratch(Ptr[WorkQueue])
        self.per_cpu.point_at(u64(queue), self.queue)
        queue.items.reset()
        self.scheduler.bind(self.thread)
        tail(self.scheduler.start, self.thread)

    # Queuing

    @function
    def add(self, work: Ptr[Work]) -> None:
        """Have `work` done soon, on this processor unless it is queued on another one. Context: any
        but NMI."""
        with interrupts_disabled():
            # Atomic: of several processors that want it at once, one finds it IDLE and queues it.
            mov(eax, WorkState.WANTED)
            xchg(work.state, eax)
            with if_(eax == WorkState.IDLE):
                self.append(work)

    @function(context="interrupts off")
    def append(self, work: Ptr[Work]) -> None:
        """Put `work`, which is WANTED and in no queue, last in this processor's."""
        queue, link = scratch(Ptr[WorkQueue]), scratch(Ptr[ListHead])
        self.per_cpu.point_at(u64(queue), self.queue)
        lea(link, work.link)
        queue.items.append(link)
        inc(queue.waiting)
        # Outside of interrupts, none may come soon at whose end it would be done: send one.
        with if_((queue.performer == Performer.NOBODY) & (self.dispatcher.serving == 0)):
            apic = self.scheduler.queue.apic
            self.scheduler.apic.send(apic, InterruptVector.WORK)

    @function(context="interrupt")
    def begin(self, argument: U64) -> None:
        """Do nothing: work is done at the end of every interrupt."""

    # Doing it

    @inline
    def is_waiting(self) -> Condition:
        """Return the condition that there is work for this processor."""
        return self.queue.waiting != 0

    @inline
    def is_in_interrupt(self) -> Condition:
        """Return the condition that this processor does work at the end of an interrupt."""
        return self.queue.performer == Performer.INTERRUPT

    @function(context="interrupt", interruptible=1)
    def finish_interrupt(self) -> None:
        """Do the work that waits, unless this interrupt came while that is being done. Context: the
        end of an interrupt; interrupts are off, and were on in the interrupted code."""
        queue, end = keep(Ptr[WorkQueue]), keep(U64)
        self.per_cpu.point_at(u64(queue), self.queue)
        with if_(queue.performer != Performer.NOBODY):
            ret()
        mov(queue.performer, Performer.INTERRUPT)
        # Interrupts within may find a more urgent thread, which has to wait until this is over.
        self.preemption.disable()
        mov(end, self.clock.now())
        add(end, TIME_LIMIT)
        with loop():
            work = self._take_first(queue)
            sti()  # handlers come in between, and find a performer: they only queue
            self.perform(work)
            cli()
            break_if(queue.waiting == 0)
            break_if(self.clock.now() >= end)
        mov(queue.performer, Performer.NOBODY)
        with if_(queue.waiting != 0):
            mov(queue.performer, Performer.THREAD)
            inc(queue.left)
            with queue.idle.lock.held_interrupts_off():
                ignore(self.waiting.wake_one(address_of(queue.idle)))
        self.preemption.enable()  # the caller tests whether another thread should run

    @function(context="thread", sleeps=True)
    def run(self, argument: U64) -> None:
        """Run the thread of deferred work: do what was left to it, and all that comes until there
        is none; never return."""
        queue = keep(Ptr[WorkQueue])
        with allowed("E041", "the thread stays on its processor"):
            self.per_cpu.point_at(u64(queue), self.queue)
        with loop():
            cli()
            with if_(queue.waiting != 0):
                work = self._take_first(queue)
                # Work does not sleep, so it may not be preempted either: that could last as long.
                with self.scheduler.preemption_disabled():
                    sti()
                    self.perform(work)
            with else_():
                # Only interrupts on this processor wake it, and they are off until it waits.
                mov(queue.performer, Performer.NOBODY)
                with queue.idle.lock.held_interrupts_off():
                    self.waiting.wait(address_of(queue.idle))

    @inline(changes=(rax, rcx))
    def _take_first(self, queue: Ptr[WorkQueue]) -> Ptr[Work]:
        """Remove the first work of `queue` and return it, in a scratch register."""
        link = scratch(queue.items.next)
        link.unlink()
        dec(queue.waiting)
        return container_of(link, Work, "link")

    @function(context="deferred")
    def perform(self, work: Keep[Ptr[Work]]) -> None:
        """Do `work`, and queue it again if somebody wants it meanwhile."""
        # A memory barrier, before the handler reads what it is to work on: who adds to that later
        # finds RUNNING, and has it done again.
        mov(eax, WorkState.RUNNING)
        xchg(work.state, eax)
        work.handler(work)
        mov(eax, WorkState.RUNNING)
        xor(ecx, ecx)
        lock.cmpxchg(work.state, ecx)
        with interrupts_disabled():
            inc(self.queue.done)
            with if_(eax == WorkState.WANTED):
                self.append(work)
