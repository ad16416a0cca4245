"""Threads that have more to say than the serial line takes."""

from __future__ import annotations

from typing import Any

from kernel.clock.clock import Clock
from kernel.clock.timer import Timer
from kernel.clock.timers import Timers
from kernel.console.output import SerialOutput
from kernel.cpu.control import RFlags
from kernel.locks.waitqueue import WaitQueue
from kernel.sched.runqueue import IDLE_PRIORITY
from kernel.sched.scheduler import Scheduler
from kernel.sched.waiting import Waiting
from pykasm import *

STANDSTILL = 60_000_000_000
"""Nanoseconds without a byte sent, after which threads wait no longer: about what a processor
waits, too (`serial.PATIENCE`)."""


class Backlog(Subsystem):
    """Lets threads sleep while output waits that was written before. So a line that is slow, or
    that nobody reads, holds up only those who write to it.
    """

    sent = bss(U32)
    """How much the line had sent when `timer` was armed."""

    def __init__(
        self,
        output: SerialOutput,
        scheduler: Scheduler,
        waiting: Waiting,
        clock: Clock,
        timers: Timers,
    ) -> None:
        self.output = output
        self.scheduler = scheduler
        self.waiting = waiting
        self.clock = clock
        self.timers = timers
        self.queue = output.queue
        self.timer = data(Timer, Timer(handler=self.expire))
        """Armed while threads wait; of all of them, guarded by the queue's lock."""

    @function
    def start(self) -> None:
        """Let threads wait from now on. Somebody serves the line's interrupts, and then calls
        `wake`."""
        lea(rax, self.wait)
        mov(self.output.wait, rax)

    @function(recursion=1)
    def wait(self, queue: Ptr[WaitQueue]) -> None:
        """Sleep until there is room again, if this is a thread that may be taken off its processor
        here; else return at once. Context: any.

        A panic in here does not come here again: it has everybody wait for the line itself.
        """
        flags = local(U64)
        pushfq()
        pop(flags)
        with if_(flags & RFlags.IF):
            cli()
            with if_(self._may_sleep()):
                self.sleep()
            push(flags)
            popfq()

    def _may_sleep(self) -> Any:
        """The condition that what runs is a thread that may wait. Computes with eax and a scratch
        register. Interrupts are off, and were on."""
        thread = scratch(self.scheduler.current)
        return self.scheduler.preemption.is_allowed() & (thread.priority != IDLE_PRIORITY)

    @function(context="interrupt")
    def sleep(self) -> None:
        """Wait in the queue. The line may have become empty before anybody asked for interrupts,
        so what they do is done once here; from then on, what the line has sent is known before
        `wake` asks for the lock that is held here from the look to the wait."""
        with self.output.serial.lock.held_interrupts_off():
            self.output.send()
        with self.queue.lock.held_interrupts_off(), if_(~self.output.is_half_empty()):
            with if_(self.timer.armed == 0):
                self.watch()
            self.waiting.wait_where_allowed(address_of(self.queue))

    @function(context="interrupt")
    def wake(self) -> None:
        """Wake all threads if there is room for what they write."""
        with if_(self.output.is_half_empty()), self.queue.lock.held_interrupts_off():
            self.waiting.wake_all(address_of(self.queue))

    @function(context="interrupt", holds="queue.lock")
    def watch(self) -> None:
        """See in a while whether the line still sends."""
        mov(eax, self.output.sent)
        mov(self.sent, eax)
        self.timers.arm(address_of(self.timer), self.clock.after(STANDSTILL))

    @function(context="interrupt")
    def expire(self, timer: Ptr[Timer]) -> None:
        """Wake all threads if nothing was sent meanwhile: it is to be lost, then."""
        with self.queue.lock.held_interrupts_off():
            mov(eax, self.output.sent)
            with if_(eax == self.sent):
                self.waiting.wake_all(address_of(self.queue))
            with elif_(lambda: ~self.queue.is_empty()):
                self.watch()
