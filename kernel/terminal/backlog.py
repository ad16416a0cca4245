"""Threads that wait for space in the output of the serial line."""

from __future__ import annotations

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

STALL_TIMEOUT = 60_000_000_000
"""Nanoseconds without a byte sent, after which threads stop waiting: about as long as a processor
waits for the line itself (`serial.TIMEOUT`)."""


class Backlog(Subsystem):
    """Block threads while the serial output's ring is full.

    So a line that is slow, or that nobody reads, only delays the threads that write to it.
    """

    sent = bss(U32)
    """The bytes that the line had sent when `timer` was armed."""

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
        self.timer = data(Timer, Timer(handler=self._expire))
        """Expires when the line has stalled; armed while threads wait, under the queue's lock."""

    @function
    def start(self) -> None:
        """Block threads from now on. The handler of the line's interrupt has to call `wake`."""
        lea(rax, self.wait)
        mov(self.output.wait, rax)

    @function(recursion=1)
    def wait(self, queue: Ptr[WaitQueue]) -> None:
        """Wait until there is space, if this is a thread that may block here; else return at once.

        Context: any. A panic in here does not come here again, as it makes output poll the line.
        """
        flags = local(U64)
        pushfq()
        pop(flags)
        with if_(flags & RFlags.IF):
            cli()
            with if_(self._may_sleep()):
                self._sleep()
            push(flags)
            popfq()

    @inline(changes=rax)
    def _may_sleep(self) -> Condition:
        """Return the condition that this is a thread that may block, with interrupts off that were
        on."""
        thread = scratch(self.scheduler.current)
        return self.scheduler.preemption.is_allowed() & (thread.priority != IDLE_PRIORITY)

    @function(context="interrupt")
    def _sleep(self) -> None:
        """Wait in the queue until `wake` finds space."""
        # The line may have become idle before its interrupt was enabled, so send once without it.
        with self.output.serial.lock.held_interrupts_off():
            self.output.send()
        # No wake-up is lost: the interrupt handler counts what was sent before `wake` acquires this
        # lock, which is held here from the test to the wait.
        with self.queue.lock.held_interrupts_off(), if_(~self.output.is_half_empty()):
            with if_(self.timer.armed == 0):
                self._start_stall_timer()
            self.waiting.wait_where_allowed(address_of(self.queue))

    @function(context="interrupt")
    def wake(self) -> None:
        """Wake all waiting threads if the ring is half empty."""
        with if_(self.output.is_half_empty()), self.queue.lock.held_interrupts_off():
            self.waiting.wake_all(address_of(self.queue))

    @function(context="interrupt", holds="queue.lock")
    def _start_stall_timer(self) -> None:
        """Arm the timer to check later whether the line still sends."""
        mov(eax, self.output.sent)
        mov(self.sent, eax)
        self.timers.arm(address_of(self.timer), self.clock.after(STALL_TIMEOUT))

    @function(context="interrupt")
    def _expire(self, timer: Ptr[Timer]) -> None:
        """Wake all threads if nothing was sent meanwhile: their output is then lost."""
        with self.queue.lock.held_interrupts_off():
            mov(eax, self.output.sent)
            with if_(eax == self.sent):
                self.waiting.wake_all(address_of(self.queue))
            with elif_(lambda: ~self.queue.is_empty()):
                self._start_stall_timer()
