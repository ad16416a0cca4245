"""Idle threads, and how processors without work get some."""

from __future__ import annotations

from typing import NoReturn

from kernel.cpu.percpu import PerCpu
from kernel.debug.panic import Panic
from kernel.sched.runqueue import ALL_PRIORITIES, IDLE_PRIORITY, RunQueue
from kernel.sched.scheduler import Scheduler
from kernel.sched.thread import Thread
from kernel.structures.list import ListHead
from kernel.threads.threads import Threads
from pykasm import *


class Idle(Subsystem):
    """The idle thread of each processor. It is always ready, so there is always something to run;
    it takes threads from other processors, or else waits for an interrupt.
    """

    thread = percpu(OrNull[Ptr[Thread]])
    """That of this processor; null before it runs."""

    def __init__(
        self, per_cpu: PerCpu, scheduler: Scheduler, threads: Threads, panic: Panic
    ) -> None:
        self.per_cpu = per_cpu
        self.scheduler = scheduler
        self.threads = threads
        self.panic = panic

    @function(init=True)
    def start_first(self) -> None:
        """Create the first processor's idle thread, without which nothing can block."""
        with if_(~self.start()):
            self.panic.stop(text("no memory is left for the first thread"))

    @function
    def start(self) -> Bool:
        """Create and start this processor's idle thread. Return whether there was memory. Context:
        interrupts off."""
        thread = self.make()
        with if_(thread == 0):
            ret(False)
        disown(thread, "it never ends")
        self.scheduler.start(thread)
        ret(True)

    @function
    def make(self) -> Owned[OrNull[Ptr[Thread]]]:
        """Create an idle thread that does not run yet. Return null if memory is out."""
        name = text("idle")
        thread = self.threads.make(name, address_of(self.run), 0, IDLE_PRIORITY)
        with if_(thread != 0):
            mov(thread.pinned, 1)
        ret(thread)

    @function
    def run(self, argument: U64) -> NoReturn:
        """Run the idle thread: look for work, or wait for an interrupt; never return."""
        # Preempted anywhere, it could lose a thread between two queues: it gives way at one place.
        self.scheduler.preemption.disable()
        mov(rax, self.scheduler.current)
        mov(self.thread, rax)
        with loop():
            self.scheduler.announce_idle()
            self.steal()
            cli()
            with if_(self._rest()):
                # Nobody else wants the processor that was kept from urgent threads
                mov(self.scheduler.queue.eligible, ALL_PRIORITIES)
                self.scheduler.preemption.enable()
                self.scheduler.schedule()
                self.scheduler.preemption.disable()
            sti()
        never()

    @function
    def _rest(self) -> Bool:
        """Wait for an interrupt, unless this processor was kicked or has a thread. Return whether
        it has one now. Context: interrupts off."""
        queue = keep(Ptr[RunQueue])
        self.per_cpu.point_at(u64(queue), self.scheduler.queue)
        with if_((queue.ready == 0) & (queue.idle != 0)):
            sti()  # takes effect after the next instruction, so no interrupt comes between
            hlt()
            cli()
        free = self.scheduler.clear_idle(queue)
        with if_(queue.ready == 0):
            ret(False)
        with if_(~free):  # the kick was for yet another thread, which is left to others
            self.scheduler.kick_idle()
        ret(True)

    @function
    def steal(self) -> None:
        """Move the most urgent thread that waits for another processor to this one, if there is
        one."""
        thread = self.find()
        with if_(thread != 0):
            tail(self._take_over, thread)

    @function
    def find(self) -> OrNull[Ptr[Thread]]:
        """Remove a ready thread from another processor's queue and return it; null if there is
        none. The search begins with the next processor in the ring, so that not all begin with the
        same."""
        link, found, own = keep(Ptr[ListHead]), keep(Ptr[Thread]), keep(Ptr[RunQueue])
        xor(u32(found), u32(found))
        self.per_cpu.point_at(u64(own), self.scheduler.queue)
        mov(link, own.link.next)
        with loop():
            lea(rax, own.link)
            break_if((link == rax) | (found != 0))
            lea(rax, self.scheduler.processors)
            with if_(link != rax):
                mov(found, self._take_from(address_of(container_of(at(link), RunQueue, "link"))))
            mov(link, link.next)
        ret(found)

    @function
    def _take_from(self, queue: Keep[Ptr[RunQueue]]) -> OrNull[Ptr[Thread]]:
        """Remove the most urgent thread that may leave `queue` and return it; null if there is
        none."""
        found, link = keep(Ptr[Thread]), keep(Ptr[ListHead])
        mov(eax, queue.ready)
        btr(eax, IDLE_PRIORITY)
        with if_(eax == 0):
            ret(0)
        with queue.lock.held():
            mov(found, self._choose(queue))
            with if_(found != 0):
                lea(link, found.link)
                queue.remove(link, found.priority)
                # It belongs here at once, though it is in no list yet: who changes its priority
                # sees that
                mov(found.link.next, 0)
                self.per_cpu.point_at(u64(link), self.scheduler.queue)
                mov(found.run_queue, cast(link, Ptr[RunQueue]))
        ret(found)

    @function(holds="queue.lock")
    def _choose(self, queue: Keep[Ptr[RunQueue]]) -> Ptr[Thread]:
        """Return the thread that `_take_from` removes. The processor of `queue` keeps its most
        urgent thread if it has nothing else to run."""
        list = keep(Ptr[ListHead])
        left, number, spared = keep(U32), keep(U32), keep(U32)
        xor(number, number)  # `bsr` may leave it as it was
        xor(spared, spared)
        with if_(queue.priority == IDLE_PRIORITY):
            inc(spared)
        mov(left, queue.ready)
        btr(left, IDLE_PRIORITY)
        with while_(left != 0):
            bsr(number, left)
            btr(left, number)
            point_at(list, queue.lists, number)
            found = self._movable(list, spared)
            with if_(found != 0):
                ret(found)
            xor(spared, spared)
        ret(0)

    @function(holds="RunQueue.lock")
    def _movable(self, list: Keep[Ptr[ListHead]], spared: U32) -> OrNull[Ptr[Thread]]:
        """Return the first thread of `list` that is not pinned, may run here, and whose
        registers its last processor has saved; null if there is none. The first of the list is
        left out if it is `spared`."""
        link, thread, own = keep(list.next), keep(Ptr[Thread]), keep(Ptr[RunQueue])
        with if_(spared != 0):
            mov(link, link.next)
        with while_(link != list):
            lea(thread, container_of(at(link), Thread, "link"))
            self.per_cpu.point_at(u64(own), self.scheduler.queue)
            with if_(self.scheduler.is_allowed(own, thread) & (thread.pinned == 0)):
                with if_(thread.stack_pointer != 0):
                    ret(thread)
                self.look_again()  # it will soon be saved: no rest before this has looked again
            mov(link, link.next)
        ret(0)

    @function
    def look_again(self) -> None:
        """Have this processor look for work once more before it rests, as if it had been kicked."""
        queue = scratch(Ptr[RunQueue])
        self.per_cpu.point_at(u64(queue), self.scheduler.queue)
        ignore(self.scheduler.clear_idle(queue))

    @function
    def _take_over(self, thread: Ptr[Thread]) -> None:
        """Put a ready thread of this processor, which is in no list, into its queue."""
        queue, link = scratch(Ptr[RunQueue]), scratch(Ptr[ListHead])
        self.per_cpu.point_at(u64(queue), self.scheduler.queue)
        lea(link, thread.link)
        with queue.lock.held():
            queue.append(link, thread.priority)
