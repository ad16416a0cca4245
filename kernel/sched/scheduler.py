"""Which thread runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from kernel.clock.timer import Timer
from kernel.cpu.control import RFlags
from kernel.cpu.descriptors import Descriptors
from kernel.cpu.interruptflag import interrupts_disabled
from kernel.cpu.percpu import PerCpu
from kernel.interrupts.action import Action
from kernel.interrupts.dispatcher import Dispatcher
from kernel.interrupts.localapic import LocalApic
from kernel.interrupts.vectors import InterruptVector
from kernel.locks.spinlock import SpinLock
from kernel.sched.preemption import Preemption
from kernel.sched.runqueue import (
    IDLE_PRIORITY,
    MOST_PASSED,
    PROCESSOR_WORDS,
    UNLIMITED,
    USED_BY_SWITCH,
    RunQueue,
)
from kernel.sched.runtimes import RunTimes
from kernel.sched.segmentbases import SegmentBases
from kernel.sched.switch import Switch
from kernel.sched.thread import Interruption, Thread, ThreadState
from kernel.sched.threadtimes import ThreadTimes
from kernel.sched.ticks import SchedulerTicks
from kernel.sched.xstate import ExtendedState
from kernel.structures.list import ListHead
from pykasm import *


class ProcessorMove(Struct):
    """A thread on its way to another processor, on its stack."""

    timer: Timer
    thread: Ptr[Thread]
    queue: Ptr[RunQueue]
    """That of the processor."""


class Scheduler(Subsystem):
    """Each processor runs the most urgent thread of its own queue, those of one priority in turn.
    One that has to leave the processor to a more urgent one goes on with its turn after that.

    A woken thread goes to the queue of the processor that it ran on last. That one may still be
    on its way from the thread's stack; by then it has chosen what to run, so nobody runs the
    thread too early: a processor that steals from the queue leaves such threads alone (see
    `Thread.stack_pointer`).
    """

    queue = percpu(RunQueue, align=8)
    current = percpu(Ptr[Thread])
    """The thread that runs on this processor. Read in one instruction, it is right even where the
    thread may be moved: it is the thread that reads."""

    processors = bss(ListHead, elements="RunQueue.link")
    """The queues of all processors that run threads. `lock` is for adding one; others follow the
    links, which never lead astray, without it."""

    idle_count = bss(U32)
    """How many processors have nothing to do and have not been called."""

    def __init__(
        self,
        per_cpu: PerCpu,
        descriptors: Descriptors,
        preemption: Preemption,
        switch: Switch,
        times: ThreadTimes,
        ticks: SchedulerTicks,
        extended: ExtendedState,
        bases: SegmentBases,
        apic: LocalApic,
        dispatcher: Dispatcher,
    ) -> None:
        self.per_cpu = per_cpu
        self.descriptors = descriptors
        self.preemption = preemption
        self.switch = switch
        self.times = times
        self.ticks = ticks
        self.extended = extended
        self.bases = bases
        self.apic = apic
        self.dispatcher = dispatcher
        self.action = data(Action, Action(handler=self.on_reschedule))
        """For `InterruptVector.RESCHEDULE`."""
        self.lock = bss(SpinLock)

    @function
    def start_processor(self) -> None:
        """Give this processor an empty queue. Interrupts are off, no thread runs here yet."""
        queue, link = keep(Ptr[RunQueue]), keep(Ptr[ListHead])
        self.per_cpu.point_at(u64(queue), self.queue)
        with unshared(queue):
            queue.reset()
        mov(eax, self.per_cpu.number)
        mov(queue.number, eax)
        self.extended.start_processor()
        self.bases.start_processor()
        queue.tick.prepare(address_of(self.ticks.tick))
        mov(queue.apic, self.apic.id())
        with self.lock.held_interrupts_off():
            with if_(self.processors.next == 0):
                self.processors.reset()
                self.dispatcher.claim(InterruptVector.RESCHEDULE, address_of(self.action))
            lea(link, queue.link)
            self.processors.append(link)

    @function(context="interrupt")
    def adopt(self, thread: Ptr[Thread]) -> None:
        """Make `thread` what runs on this processor from the start. Context: interrupts off."""
        queue = scratch(Ptr[RunQueue])
        self.per_cpu.point_at(u64(queue), self.queue)
        mov(thread.run_queue, queue)
        mov(thread.state, ThreadState.RUNNING)
        mov(self.current, thread)
        mov(eax, thread.priority)
        mov(queue.priority, eax)
        with unshared(queue):
            mov(queue.running, u64(thread))

    @function
    def bind(self, thread: Ptr[Thread]) -> None:
        """Pin `thread`, which has not been started, to this processor. Context: interrupts off."""
        queue = scratch(Ptr[RunQueue])
        self.per_cpu.point_at(u64(queue), self.queue)
        mov(thread.run_queue, queue)
        mov(thread.pinned, 1)

    @function(context="interrupt", moves=True)
    def schedule(self) -> None:
        """Turn to the thread that should run now; returns when this one is chosen again.

        A thread that is RUNNING stays ready. One that is BLOCKED leaves the processor until
        `make_ready`; if another processor has made it READY since it blocked, it is in the queue
        already, and perhaps chosen at once. Preemption is not disabled.
        """
        queue, previous = keep(Ptr[RunQueue]), keep(self.current)
        link = keep(Ptr[ListHead])
        if debugging():
            # This also catches a spin lock that is still held: it disables preemption
            asserts(self.preemption.is_allowed())  # else it sleeps where it said it would not
        self.per_cpu.point_at(u64(queue), self.queue)
        with queue.lock.held_interrupts_off():
            self.times.count(queue, previous)
            with if_(previous.state == ThreadState.RUNNING):
                self._requeue(queue, previous, link)
            mov(queue.used, USED_BY_SWITCH)
            queue.take_first(link)
            next = container_of(link, Thread, "link")
            with if_(next.passes_left != 0):
                mov(next, self._pass_over(queue, next))
            mov(next.state, ThreadState.RUNNING)
            mov(queue.running, u64(next))
            mov(eax, next.priority)
            mov(queue.priority, eax)
            with if_((self.idle_count != 0) & (previous.state == ThreadState.READY)):
                self._kick_idle_for(previous)  # it would have to wait here
        # After the choice: a request that came before it is met, one from now on stays.
        self.preemption.clear()
        with if_(queue.ticking == 0):
            self.ticks.begin(queue)
        with if_(next != previous):
            asserts(next.stack_pointer != 0)  # else another processor is still on its stack
            mov(self.current, next)
            mov(self.descriptors.task.rsp[0], next)  # programs are interrupted onto its stack
            inc(next.switches)
            inc(queue.switches)
            with if_(previous.state == ThreadState.READY):
                inc(previous.preemptions)
            with else_():
                inc(previous.waits)
            with if_(previous.restarts != 0):
                lock.or_(previous.pending, Interruption.RESTART)
            with if_(previous.extended != 0):
                self.extended.save(previous)
            self._save_bases(previous)
            self.switch.to(previous, next)
            # Here this thread goes on, which was `previous` when it came, maybe on another
            # processor: `queue` is not its own any more.
            with if_(previous.extended != 0):
                self.extended.restore(previous)
            self._load_bases(previous)

    @function(context="interrupts off")
    def load_first(self) -> None:
        """Load the registers of a program that the thread has which runs, and which begins: the
        switch to it returns to no place that does. Until then it may not be interrupted, or what
        other threads have left there would be saved as its own."""
        thread = keep(self.current)
        with if_(thread.extended != 0):
            self.extended.restore(thread)
        self._load_bases(thread)

    @function(context="interrupts off", holds="queue.lock")
    def _pass_over(self, queue: Ptr[RunQueue], first: Ptr[Thread]) -> Ptr[Thread]:
        """Return the thread that should run in place of `first`, which others of its priority go
        before and which is not in `queue` any more, as the result isn't."""
        thread, link, left = scratch(first), scratch(Ptr[ListHead]), local(U32)
        release(first)
        mov(left, MOST_PASSED)
        with while_((thread.passes_left != 0) & (left != 0)):
            dec(left)
            dec(thread.passes_left)
            lea(link, thread.link)
            queue.append(link, thread.priority)
            queue.take_first(link)
            mov(thread, container_of(link, Thread, "link"))
        ret(thread)

    @inline(changes=CALLER_SAVED)
    def _save_bases(self, thread: Ptr[Thread]) -> None:
        """Save what the program of `thread`, if it runs one, has for FS and GS."""
        user = scratch(thread.user)
        with if_(user != 0):
            self.bases.save(user)

    @function(context="thread")
    def leave_program(self) -> None:
        """Have the thread that runs run no program any more."""
        with interrupts_disabled():
            thread = scratch(self.current)
            mov(thread.user, 0)
            self.bases.forget()

    @inline(changes=CALLER_SAVED)
    def _load_bases(self, thread: Ptr[Thread]) -> None:
        """Load that again."""
        user = scratch(thread.user)
        with if_(user != 0):
            self.bases.load(user)

    @inline(changes=("link", rax, rcx))
    def _requeue(self, queue: Ptr[RunQueue], thread: Ptr[Thread], link: Ptr[ListHead]) -> None:
        """Make `thread`, which runs, ready: before others of its priority if something is left of
        its quantum, else after them. Changes `link`."""
        mov(thread.state, ThreadState.READY)
        lea(link, thread.link)
        mov(eax, thread.used)
        add(eax, queue.used)
        mov(thread.used, eax)
        with if_(eax < thread.quantum):
            queue.prepend(link, thread.priority)
        with else_():
            mov(thread.used, 0)
            mov(eax, thread.passes)
            mov(thread.passes_left, eax)
            queue.append(link, thread.priority)

    @function(context="thread", sleeps=True)
    def yield_now(self) -> None:
        """Give the rest of this quantum up: other threads of the same priority run first."""
        # Who yields in a loop waits for another processor: its twin in the core may be that one
        pause()
        cli()
        mov(self.queue.used, UNLIMITED)  # `_requeue` puts it after the others then
        self.schedule()
        sti()

    @function(context="any")
    def start(self, thread: Ptr[Thread]) -> None:
        """Make `thread`, which has never run, ready. Context: any."""
        with interrupts_disabled():
            self.make_ready(thread)
        self.preempt_if_due()

    @function(context="interrupts off")
    def make_ready(self, thread: Keep[Ptr[Thread]]) -> None:
        """Make `thread` ready if it is blocked.

        The caller keeps `thread` from being freed. Where it is more urgent than what runs here, it
        runs as soon as interrupts and preemption are on: a caller that holds a lock calls
        `preempt_if_due` when it has released that.
        """
        with self._locked_queue_of(thread) as queue, if_(thread.state == ThreadState.BLOCKED):
            mov(thread.state, ThreadState.READY)
            # Who has slept gets a whole quantum, as it left the rest of the last one to others
            mov(thread.used, 0)
            # As it was before: who is woken into an empty queue disturbs nobody
            link, others = scratch(Ptr[ListHead]), scratch(queue.ready)
            lea(link, thread.link)
            queue.append(link, thread.priority)
            release(link)
            self._dispatch_woken(queue, thread, others)

    @function(context="any")
    def read_times(self, thread: Keep[Ptr[Thread]], times: Keep[Ptr[RunTimes]]) -> None:
        """Fill in `times` with for how long `thread`, which the caller keeps from being freed, has
        run until now. Context: any."""
        with interrupts_disabled(), self._locked_queue_of(thread) as queue:
            # One that rests was counted when it left its processor
            with if_(queue.running == u64(thread)):
                self.times.count(queue, thread)
            copy_fields(times, thread.times, "total", "user", "system")

    @function(context="any")
    def set_priority(self, thread: Keep[Ptr[Thread]], priority: Keep[U32]) -> None:
        """Make `thread`, which the caller keeps from being freed, as urgent as `priority` says, or
        as what it inherits. Its processor chooses again. Context: any."""
        with interrupts_disabled():
            self._set_priority(thread, priority, thread.inherited_priority)
        self.preempt_if_due()

    @function(context="interrupts off")
    def inherit_priority(self, thread: Ptr[Thread], inherited: U32) -> None:
        """Make `thread`, which the caller keeps from being freed, at least as urgent as `inherited`
        says, until it is called again. `preempt_if_due` follows."""
        # Most changes of who waits change nothing here, and this spares the interrupt of another
        # processor
        with if_(thread.inherited_priority == inherited):
            ret()
        tail(self._set_priority, thread, thread.own_priority, inherited)

    @function(context="interrupts off")
    def _set_priority(
        self, thread: Keep[Ptr[Thread]], priority: Keep[U32], inherited: Keep[U32]
    ) -> None:
        """Do what `set_priority` does, but for a switch."""
        with self._locked_queue_of(thread) as queue:
            mov(thread.own_priority, priority)
            mov(thread.inherited_priority, inherited)
            with if_(priority < inherited):
                mov(priority, inherited)
            link = scratch(Ptr[ListHead])
            lea(link, thread.link)
            # A processor that is idle may have taken it over, and be about to put it into its queue
            with if_((thread.state == ThreadState.READY) & (thread.link.next != 0)):
                queue.remove(link, thread.priority)
                queue.append(link, priority)
            with elif_(thread.state == ThreadState.RUNNING):
                # Who wakes a thread compares with this to learn whether the processor is to be told
                mov(queue.priority, priority)
            mov(thread.priority, priority)
            release(link)
            own = scratch(Ptr[RunQueue])
            self.per_cpu.point_at(u64(own), self.queue)
            with if_(queue == own):
                self.preemption.request()
            with else_():
                self._send_reschedule(queue)

    @function(context="any")
    def set_turns(self, thread: Ptr[Thread], quantum: U32, passes: U32) -> None:
        """Set how long the turns of `thread` are, and how often others go first after each (see
        `Thread`)."""
        mov(thread.quantum, quantum)
        mov(thread.passes, passes)
        # What was owed by the old settings is not paid by the new ones
        mov(thread.passes_left, 0)

    # Moving

    @function(context="any")
    def allow(self, thread: Ptr[Thread], allowed: Ptr[U64]) -> None:
        """Bind `thread`, which the caller keeps from being freed, to the set of processors at
        `allowed`, some of which there are. It goes there before its program goes on."""
        for word in range(PROCESSOR_WORDS):
            mov(rax, allowed[word])
            mov(thread.allowed[word], rax)

    @inline(changes=rax)
    def is_allowed(self, queue: Ptr[RunQueue], thread: Ptr[Thread]) -> Condition:
        """Return the condition that `thread` may run on the processor of `queue`."""
        mov(eax, queue.number)
        bt(thread.allowed[0], rax)
        return CF

    @function(context="thread", sleeps=True)
    def settle(self) -> None:
        """Go to a processor that the thread that runs may run on, if this is none."""
        thread, queue = keep(self.current), keep(Ptr[RunQueue])
        with interrupts_disabled():
            self.per_cpu.point_at(u64(queue), self.queue)
            with if_(~self.is_allowed(queue, thread)):
                mov(queue, self._choose_processor(thread))
                with if_(queue != 0):
                    self._move(thread, queue)

    @function(context="interrupts off")
    def _choose_processor(self, thread: Ptr[Thread]) -> OrNull[Ptr[RunQueue]]:
        """Return the queue of a processor that `thread` may run on, an idle one if there is one;
        null if there is none."""
        found = scratch(Ptr[RunQueue])
        xor(u32(found), u32(found))
        with (
            self.processors.each(RunQueue, "link", place=scratch) as queue,
            if_(self.is_allowed(queue, thread)),
            if_((found == 0) | (queue.priority == IDLE_PRIORITY)),
        ):
            mov(found, queue)
        ret(found)

    @function(context="interrupts off", sleeps=True)
    def _move(self, thread: Keep[Ptr[Thread]], queue: Keep[Ptr[RunQueue]]) -> None:
        """Go on in `queue` with `thread`, the one that runs. This processor wakes it there, by a
        timer, when it has left it."""
        move = local(ProcessorMove)
        mov(move.thread, thread)
        mov(move.queue, queue)
        move.timer.prepare(address_of(self._arrive))
        mov(thread.state, ThreadState.BLOCKED)
        self.ticks.timers.arm(address_of(move.timer), 1)
        self.schedule()

    @function(context="interrupt")
    def _arrive(self, timer: Ptr[Timer]) -> None:
        """Make a thread ready where it goes on: this processor has left it."""
        move = container_of(timer, ProcessorMove, "timer")
        thread = scratch(move.thread)
        mov(rax, move.queue)
        mov(thread.run_queue, rax)
        tail(self.make_ready, thread)

    @inline
    @contextmanager
    def _locked_queue_of(self, thread: Ptr[Thread]) -> Iterator[Ptr[RunQueue]]:
        """Lock the run queue of `thread` for the block. Until it is locked another processor may
        take the thread over, into another queue: then it is asked for that."""
        queue = keep(Ptr[RunQueue])
        with loop():
            mov(queue, thread.run_queue)
            queue.lock.acquire()
            break_if(thread.run_queue == queue)
            queue.lock.release()
        yield queue
        queue.lock.release()

    @inline(changes=("others", *CALLER_SAVED))
    def _dispatch_woken(self, queue: Ptr[RunQueue], thread: Ptr[Thread], others: U32) -> None:
        """Tell a processor of `thread`, just put into `queue` beside `others` (as
        `RunQueue.ready`): this one, the one of `queue`, or an idle one."""
        mov(eax, thread.priority)
        with if_(eax <= queue.priority):
            self._kick_idle_for(thread)
        with else_():
            with if_((queue.priority == IDLE_PRIORITY) & (others != 0) & (self.idle_count != 0)):
                self.kick_idle()  # its processor has one to turn to, and two are there
            own = scratch(Ptr[RunQueue])
            self.per_cpu.point_at(u64(own), self.queue)
            with if_(queue == own):
                self.preemption.request()
            with else_():
                self._send_reschedule(queue)

    @function(context="interrupt")
    def _kick_idle_for(self, thread: Ptr[Thread]) -> None:
        """Have an idle processor, if there is one, look for `thread`, for which its own processor
        has no time. It is in its queue already."""
        with if_((self.idle_count != 0) & (thread.pinned == 0)):
            tail(self.kick_idle)

    @function(context="interrupt")
    def kick_idle(self) -> None:
        """Have an idle processor look for work, if there is one that was not called already."""
        with (
            self.processors.each(RunQueue, "link") as queue,
            if_((queue.idle != 0) & (queue.ready == 0)),
        ):
            # One that is called although there is work by now passes the call on
            free = self.clear_idle(queue)
            with if_(free):
                tail(self._send_reschedule, queue)

    @function
    def announce_idle(self) -> None:
        """Announce that this processor is idle: from now on others call it. It looks for work after
        that.

        A thread's bit is set in its queue before an idle processor is looked for; this one is
        announced before it looks at the bits. So one of the two sees the
        other, though no lock is held: both write by atomic instructions, which no later read
        overtakes (AMD64 APM vol. 2, 7.1).
        """
        lock.inc(self.idle_count)
        mov(eax, 1)
        xchg(self.queue.idle, eax)

    @function(context="any")
    def clear_idle(self, queue: Ptr[RunQueue]) -> Bool:
        """Withdraw the announcement of the processor of `queue`. Return whether it was still
        announced, so that nobody has kicked it since. Context: any."""
        xor(eax, eax)
        xchg(queue.idle, eax)
        with if_(eax != 0):
            lock.dec(self.idle_count)
        ret(eax)

    @function(context="any")
    def _send_reschedule(self, queue: Ptr[RunQueue]) -> None:
        """Interrupt the processor of `queue`, so that it chooses again. Context: any."""
        tail(self.apic.send, queue.apic, InterruptVector.RESCHEDULE)

    @function(context="interrupts off")
    def call_in(self, thread: Ptr[Thread]) -> None:
        """Have `thread`, if another processor runs it now, come into the kernel, where it finds
        what is pending for it. The caller keeps it from being freed."""
        with if_((thread.state == ThreadState.RUNNING) & (self.current != thread)):
            tail(self._send_reschedule, scratch(thread.run_queue))

    @function(context="interrupt")
    def on_reschedule(self, argument: U64) -> None:
        """Another processor has something for this one."""
        self.preemption.request()

    @inline(changes=CALLER_SAVED)
    @contextmanager
    def preemption_disabled(self) -> Iterator[None]:
        """Keep this thread on its processor in the block, which does not sleep."""
        self.preemption.disable()
        yield
        self.preemption.enable()
        with if_(ZF):
            self._preempt()

    @inline(changes=CALLER_SAVED)
    def preempt_if_due(self) -> None:
        """Switch to a more urgent thread if there is one and nothing forbids it."""
        with if_(self.preemption.is_due()):
            self._preempt()

    @function(context="any")
    def _preempt(self) -> None:
        """Turn to a more urgent thread, if interrupts are on. Any context."""
        flags = local(U64)
        pushfq()
        pop(flags)
        with if_(flags & RFlags.IF):
            cli()
            with if_(self.preemption.is_due()):
                self.preempt_now()
            push(flags)
            popfq()

    @inline(changes=CALLER_SAVED)
    def preempt_now(self) -> None:
        """Switch to a more urgent thread, where interrupts are off.

        The thread that runs stays ready, whatever it was about to do: only `Waiting` blocks, and
        interrupts are off from there until the processor has left the thread.
        """
        if debugging():
            current = scratch(self.current)
            asserts(current.state == ThreadState.RUNNING)
        self.schedule()
